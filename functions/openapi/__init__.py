"""`GET /openapi.json`: the contract, packaged with the function."""
