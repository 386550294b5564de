"""Reads Systems Manager parameters: what only a deployment knows, and no secret. Kept for five minutes."""

import time
from threading import Lock

from botocore.exceptions import ClientError

from sovereign.kernel import aws

MAX_AGE_SECONDS = 300.0

_cache: dict[str, tuple[str, float]] = {}
_lock = Lock()


class ParameterMissingError(LookupError):
    """The parameter does not exist; the message names it."""


def read_parameter(name: str) -> str:
    """The parameter's text. Raises ParameterMissingError."""
    now = time.monotonic()
    with _lock:
        known = _cache.get(name)
    if known is not None and now - known[1] < MAX_AGE_SECONDS:
        return known[0]
    try:
        text = aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as failure:
        if failure.response["Error"]["Code"] == "ParameterNotFound":
            raise ParameterMissingError(f"parameter {name} does not exist") from None
        raise
    with _lock:
        _cache[name] = (text, now)
    return text


def forget_parameters() -> None:
    """Drop everything cached."""
    with _lock:
        _cache.clear()
