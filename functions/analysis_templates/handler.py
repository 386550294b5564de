"""The Lambda entry of the `/analysis-templates` routes."""

from functions.analysis_templates.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
