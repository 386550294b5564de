"""The Lambda entry of the `/numbers` routes."""

from functions.numbers.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
