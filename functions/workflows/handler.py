"""The Lambda entry of the `/workflows` routes."""

from functions.workflows.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
