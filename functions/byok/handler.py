"""The Lambda entry of the `/byok` routes."""

from functions.byok.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
