"""The Lambda entry of the `/sip-trunks` routes."""

from functions.sip_trunks.router import router
from sovereign.http import lambda_handler

handler = lambda_handler(router)
