"""The errors a rule may raise. `sovereign.http` maps them to responses in one table; nothing reads their words."""

from collections.abc import Sequence
from typing import Any, ClassVar


class DomainError(Exception):
    """A request cannot be done. `code` is for machines, `title` for a person, `details` holds one entry per problem.

    `extra` members are put beside `error` in the response body; `retry_after` is in seconds.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Sequence[str] = (),
        code: str | None = None,
        retry_after: int | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message or self.title)
        self.message = message
        self.details = list(details)
        self.machine_code = code or self.code
        self.retry_after = retry_after
        self.extra = extra


class InvalidRequestError(DomainError):
    """The request is malformed or asks for something out of bounds (400)."""

    code = "invalid_request"
    title = "Bad Request"


class InvalidStateError(DomainError):
    """The object is not in a state in which this can be done (400)."""

    code = "invalid_state"
    title = "Bad Request"


class DestinationNotAllowedError(DomainError):
    """The destination may not be dialled (400)."""

    code = "destination_not_allowed"
    title = "Bad Request"


class UnauthorizedError(DomainError):
    """The key is missing or unknown (401)."""

    code = "unauthorized"
    title = "Unauthorized"


class InsufficientCreditsError(DomainError):
    """The paying organization has no minutes left (402)."""

    code = "insufficient_credits"
    title = "Insufficient credits"


class ForbiddenError(DomainError):
    """This key may not do that (403)."""

    code = "forbidden"
    title = "Forbidden"


class NotFoundError(DomainError):
    """No such object in the caller's organization (404)."""

    code = "not_found"
    title = "Not Found"


class ConflictError(DomainError):
    """Duplicate, still in use, or changed by somebody else meanwhile (409)."""

    code = "conflict"
    title = "Conflict"


class GoneError(DomainError):
    """The object was there and has been erased (410)."""

    code = "gone"
    title = "Gone"


class BodyTooLargeError(DomainError):
    """The body exceeds the documented bound (413)."""

    code = "body_too_large"
    title = "Payload Too Large"


class UnsupportedMediaTypeError(DomainError):
    """The body is not JSON (415)."""

    code = "unsupported_media_type"
    title = "Unsupported Media Type"


class RateLimitedError(DomainError):
    """Over a rate limit (429); `retry_after` says when to come back."""

    code = "rate_limit_exceeded"
    title = "Too Many Requests"
    retryable = True


class UnavailableError(DomainError):
    """Something needed is down or full for the moment (503); `retry_after` says when to come back."""

    code = "unavailable"
    title = "Service Unavailable"
    retryable = True
