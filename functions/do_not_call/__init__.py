"""The `/do-not-call` routes."""
