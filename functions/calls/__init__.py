"""GET /calls, POST /calls/outbound, POST /calls/{id}/control."""
