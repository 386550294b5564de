"""The bound on a response, and the page that would have fitted."""

import json
from typing import Any

from starlette.responses import Response

from sovereign.http.errors import error_response
from sovereign.kernel.errors import InvalidRequestError

MAX_RESPONSE_BYTES = 5 * 1000 * 1000
"""Bound on a response (spec: Errors); a Lambda function's own is 6 MB."""


class ResponseTooLargeError(InvalidRequestError):
    """The page asked for would be larger than a response may be (400)."""

    code = "response_too_large"


def within_bound(response: Response) -> Response:
    """The response itself, or the refusal that names the `limit` which fits."""
    body = bytes(response.body)
    if len(body) <= MAX_RESPONSE_BYTES:
        return response
    fitting = _fitting_limit(json.loads(body))
    if fitting is None:
        return error_response(ResponseTooLargeError("the response would be larger than 5 MB"))
    message = f"the page would be larger than 5 MB; limit={fitting} fits"
    return error_response(ResponseTooLargeError(message, limit=fitting))


def _fitting_limit(document: Any) -> int | None:
    """The largest `limit` whose page fits, None when the response is no paginated list."""
    if not isinstance(document, dict) or "pagination" not in document:
        return None
    rows = next((value for value in document.values() if isinstance(value, list)), None)
    if not rows:
        return None
    size = MAX_RESPONSE_BYTES - len(_encode({**document, **{n: [] for n, v in document.items() if v is rows}}))
    for count, row in enumerate(rows):
        size -= len(_encode(row)) + 1
        if size < 0:
            return max(1, count)
    return len(rows)


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
