"""The `/voices` routes."""
