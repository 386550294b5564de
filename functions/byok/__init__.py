"""The `/byok` routes."""
