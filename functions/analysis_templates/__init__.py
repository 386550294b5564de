"""The `/analysis-templates` routes."""
