"""The `/domains` routes."""
