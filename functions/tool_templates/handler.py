"""The Lambda entry of the `/tool-templates` routes."""

from functions.tool_templates.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
