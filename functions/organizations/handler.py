"""Lambda entry point."""

from functions.organizations.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
