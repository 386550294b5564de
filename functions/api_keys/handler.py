"""Lambda entry point."""

from functions.api_keys.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
