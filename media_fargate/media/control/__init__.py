"""The control server: orders from the API side, admission for the edge, health."""
