"""The Lambda entry of the `/mcp-servers` routes."""

from functions.mcp_servers.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
