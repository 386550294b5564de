"""The Lambda entry of the `/voices` routes."""

from functions.voices.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
