"""Entry point of the webhook deliveries resource."""

from functions.webhook_deliveries.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
