"""The Lambda entry of the `/domains` routes."""

from functions.domains.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
