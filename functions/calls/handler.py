"""Lambda entry point."""

from functions.calls.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
