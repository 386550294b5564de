"""The `/mcp-servers` routes."""
