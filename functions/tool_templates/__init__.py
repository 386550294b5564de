"""The `/tool-templates` routes."""
