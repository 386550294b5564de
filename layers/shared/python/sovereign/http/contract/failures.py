"""The error responses of the contract, from the table that maps errors to statuses."""

from collections.abc import Iterable
from typing import Any

from sovereign.http.errors import STATUS
from sovereign.kernel import errors

JsonObject = dict[str, Any]

_TEXTS = {
    400: "The request is not valid, or the object is not in a state for it; `details` has one entry per problem.",
    401: "The key is missing or unknown.",
    402: "The paying organization has no minutes left.",
    403: "The key may not do this, or its organization is suspended.",
    404: "The organization has no such object.",
    409: "A duplicate, still in use, changed meanwhile, or an idempotency key used for another body.",
    410: "The content was there and has been erased.",
    413: "The body is larger than the bound.",
    415: "The body is not JSON.",
    429: "Over the rate limit; `Retry-After` says when to come back.",
    500: "A defect of the platform; `request_id` is to be quoted.",
    503: "Something needed is down or full for the moment; `Retry-After` says when to come back.",
}
_EVERYWHERE = (400, 413, 415, 500, 503)
_WITH_KEY = (401, 403, 429)
"""403: the organization is suspended."""
_WAITING = (429, 503)

HEADERS: JsonObject = {
    "X-RateLimit-Limit": {
        "description": "Requests a minute for this key.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Remaining": {
        "description": "Requests left in this minute.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-RateLimit-Reset": {
        "description": "When the next minute begins, in Unix seconds.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Idempotent-Replayed": {
        "description": "`true` when this is the stored response of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
}
RATE_HEADERS = tuple(name for name in HEADERS if name.startswith("X-"))


def error_schema() -> JsonObject:
    """The flat error body."""
    return {
        "type": "object",
        "required": ["error", "code"],
        "properties": {
            "error": {"type": "string", "description": "Short text."},
            "message": {"type": "string", "description": "Longer text."},
            "details": {"type": "array", "items": {"type": "string"}, "description": "One entry per problem."},
            "code": {
                "type": "string",
                "description": "For a machine to switch on. The commonest are the examples; clients must take others.",
                "examples": codes(),
            },
            "retry_after": {"type": "integer", "description": "Seconds to wait, as the header says."},
            "request_id": {"type": "string", "description": "To be quoted when a defect is reported."},
            "limit": {"type": "integer", "description": "The `limit` whose page fits (`response_too_large`)."},
            "call_id": {"type": "string", "description": "The call an open idempotency record has made."},
        },
    }


def codes() -> list[str]:
    """The codes of the error classes, sorted."""
    known = {kind.code for kind in STATUS} | {"missing_field", "internal_error", "invalid_json", "response_too_large"}
    return sorted(known)


def statuses(*, public: bool, method: str, has_id: bool, extra: Iterable[int]) -> list[int]:
    """The error statuses an operation can answer."""
    found = {*_EVERYWHERE, *extra}
    if not public:
        found.update(_WITH_KEY)
    if has_id:
        found.add(404)
    if method != "GET":
        found.add(409)
    return sorted(found)


def responses() -> JsonObject:
    """`components.responses`: one for each status."""
    return {name_of(status): _response(status, text) for status, text in _TEXTS.items()}


def name_of(status: int) -> str:
    """The component that describes a status."""
    return f"Error{status}"


def _response(status: int, text: str) -> JsonObject:
    names = (*RATE_HEADERS, "Retry-After") if status in _WAITING else RATE_HEADERS
    return {
        "description": text,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": _example(status)},
        },
    }


def _example(status: int) -> JsonObject:
    kind = next((kind for kind, mapped in STATUS.items() if mapped == status), errors.DomainError)
    body: JsonObject = {"error": kind.title, "code": kind.code}
    if status == 400:
        body |= {"message": "The request is not valid; see details.", "details": ["name: Field required"]}
    elif status == 401:
        body["message"] = "Invalid or missing API key"
    elif status == 500:
        body |= {"error": "Internal Server Error", "code": "internal_error", "request_id": "5f0c"}
    elif status in _WAITING:
        body["retry_after"] = 12
    return body
