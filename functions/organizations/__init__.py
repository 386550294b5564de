"""`GET, POST, PATCH /organizations` and `GET /account`."""
