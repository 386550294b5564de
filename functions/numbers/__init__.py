"""The `/numbers` routes."""
