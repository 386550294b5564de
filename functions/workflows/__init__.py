"""The `/workflows` routes."""
