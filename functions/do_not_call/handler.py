"""The Lambda entry of the `/do-not-call` routes."""

from functions.do_not_call.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
