"""The Lambda entry of the `/campaigns` routes."""

from functions.campaigns.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
