"""The frame of the REST API: routers in, a Lambda handler out; the only user of FastAPI besides the routers."""

from sovereign.http.admission import KEY_OR_LINK, CallerDep, IdempotencyDep, OptionalCallerDep
from sovereign.http.app import BASE_PATH, create_app, lambda_handler
from sovereign.http.authentication import Caller
from sovereign.http.environment import TableDep
from sovereign.http.idempotency import Idempotency
from sovereign.http.models import RequestModel, SafeUrl
from sovereign.http.paging import PageDep, PageRequest
from sovereign.http.parameters import PLAIN_DIGITS, BoolParameter
from sovereign.http.rate_limits import RateLimiter, limit_control_commands
from sovereign.kernel.masking import mask_secret, masked, unmasked

__all__ = [
    "BASE_PATH",
    "KEY_OR_LINK",
    "PLAIN_DIGITS",
    "BoolParameter",
    "Caller",
    "CallerDep",
    "Idempotency",
    "IdempotencyDep",
    "OptionalCallerDep",
    "PageDep",
    "PageRequest",
    "RateLimiter",
    "RequestModel",
    "SafeUrl",
    "TableDep",
    "create_app",
    "lambda_handler",
    "limit_control_commands",
    "mask_secret",
    "masked",
    "unmasked",
]
