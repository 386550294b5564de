"""The Lambda entry of the `/assistants` routes."""

from functions.assistants.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
