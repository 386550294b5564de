"""`GET, POST /api-keys` and `DELETE /api-keys/{id}`."""
