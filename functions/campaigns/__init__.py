"""The `/campaigns` routes."""
