"""The `/assistants` routes."""
