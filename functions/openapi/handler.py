"""Lambda entry point."""

from functions.openapi.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
