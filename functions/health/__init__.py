"""`GET /health`; also answers what no other function serves, in the API's error shape."""
