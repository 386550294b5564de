"""The one table from what went wrong to what the client is told."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ServiceConnectionError
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sovereign.kernel import errors
from sovereign.kernel.table import ConditionFailed

STATUS: dict[type[errors.DomainError], int] = {
    errors.InvalidRequestError: 400,
    errors.InvalidStateError: 400,
    errors.DestinationNotAllowedError: 400,
    errors.UnauthorizedError: 401,
    errors.InsufficientCreditsError: 402,
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.GoneError: 410,
    errors.BodyTooLargeError: 413,
    errors.UnsupportedMediaTypeError: 415,
    errors.RateLimitedError: 429,
    errors.UnavailableError: 503,
}
"""Status of an error; a subclass has its nearest listed ancestor's."""

_MAX_DETAILS = 100
_MAX_PATH = 200
_THROTTLING = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"})


class MethodNotAllowedError(errors.DomainError):
    """The path exists, the method does not (405)."""

    code = "method_not_allowed"
    title = "Method Not Allowed"

    def __init__(self, allowed: str | None = None) -> None:
        super().__init__("this path does not take that method")
        self.allowed = allowed
        """For the `Allow` header: the methods it does take, None where that is not known."""


STATUS[MethodNotAllowedError] = 405


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response of ours."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return Response(content, status, dict(headers or {}), media_type="application/json")


def error_response(error: errors.DomainError) -> Response:
    """The response to a domain error: flat body, status from the table, `Retry-After` where it says when."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    body: dict[str, Any] = {"error": error.title}
    if error.message:
        body["message"] = error.message
    if error.details:
        body["details"] = error.details
    body["code"] = error.machine_code
    headers = {}
    if error.retry_after is not None:
        body["retry_after"] = error.retry_after
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, MethodNotAllowedError) and error.allowed:
        headers["Allow"] = error.allowed
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return json_response(status, body | error.extra, headers)


def internal_error_response(request_id: str) -> Response:
    """The response to a defect of ours: an id to quote, nothing internal."""
    message = f"Something went wrong on our side. Quote this id when you report it: {request_id}"
    body = {"error": "Internal Server Error", "message": message, "code": "internal_error", "request_id": request_id}
    return json_response(500, body)


def as_domain_error(failure: Exception) -> errors.DomainError | None:
    """The domain error an exception stands for; None means it is a defect of ours."""
    if isinstance(failure, errors.DomainError):
        return failure
    if isinstance(failure, RequestValidationError):
        return validation_error(failure.errors())
    if isinstance(failure, ConditionFailed):
        return errors.ConflictError("changed by another request meanwhile; read it again and retry")
    if isinstance(failure, HTTPException):
        return _from_framework(failure)
    throttled = isinstance(failure, ClientError) and failure.response["Error"]["Code"] in _THROTTLING
    if throttled or isinstance(failure, ServiceConnectionError | HTTPClientError):
        return errors.UnavailableError("a service this needs is busy; try again", retry_after=2)
    return None


def validation_error(problems: Sequence[Mapping[str, Any]]) -> errors.InvalidRequestError:
    """One `details` entry per problem of a pydantic validation, each naming the field's path."""
    details = list(dict.fromkeys(f"{field_path(p['loc'])}: {p['msg'].removeprefix('Value error, ')}" for p in problems))
    if len(details) > _MAX_DETAILS:
        details = [*details[:_MAX_DETAILS], f"and {len(details) - _MAX_DETAILS} more problems"]
    missing = all(problem["type"] == "missing" for problem in problems)
    return errors.InvalidRequestError(
        "The request is not valid; see details.", details=details, code="missing_field" if missing else None
    )


def field_path(location: Sequence[int | str]) -> str:
    """`("body", "tools", 0, "name")` as `tools[0].name`; an empty path is the body itself."""
    members = location[1:] if location and location[0] in {"body", "query", "path", "header"} else location
    path = "".join(f"[{member}]" if isinstance(member, int) else f".{member}" for member in members)
    return path.lstrip(".")[:_MAX_PATH] or "body"


def _from_framework(failure: HTTPException) -> errors.DomainError | None:
    if failure.status_code == 404:
        return errors.NotFoundError("no such path")
    if failure.status_code == 405:
        return MethodNotAllowedError((failure.headers or {}).get("Allow"))
    if failure.status_code == 413:
        return errors.BodyTooLargeError()
    return errors.InvalidRequestError("the request could not be read") if failure.status_code < 500 else None
