"""The dependency every route but the public ones stands behind: key, suspension, rate limit, body, idempotency."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from sovereign.http.authentication import Caller
from sovereign.http.frame import Frame
from sovereign.http.idempotency import Idempotency, OpenRecord, Scope
from sovereign.http.rate_limits import RateState
from sovereign.kernel.errors import DomainError, InvalidRequestError, NotFoundError

_LONGEST_ID = 256
_LONGEST_QUERY_VALUE = 1024
LINK_PARAMETER = "t"
"""The query parameter that carries a signed link's token."""
SIGNED_LINK: dict[str, list[str]] = {"SignedLink": []}
"""Among a route's `security`: it takes signed links."""
KEY_OR_LINK = {"security": [{"ApiKey": []}, SIGNED_LINK]}
"""`openapi_extra` of a route that takes either."""


@dataclass
class Exchange:
    """One request and what is learnt about it on the way; lives in the request's state."""

    request_id: str
    body: bytes = b""
    body_problem: DomainError | None = None
    caller: Caller | None = None
    rate: RateState | None = None
    record: OpenRecord | None = None
    idempotency: Idempotency = field(default_factory=Idempotency)


class AlreadyAnswered(Exception):  # noqa: N818 - not a failure: the stored response is sent instead of running the route
    """Carries the stored response of an idempotency key."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered by a stored response")
        self.response = response


def exchange_of(request: Request) -> Exchange:
    """The request's exchange."""
    exchange: Exchange = request.state.exchange
    return exchange


def admit(request: Request) -> None:
    """Let a request through to its route, or raise why not; the order is the order of the answers a client gets."""
    exchange, frame = exchange_of(request), frame_of(request)
    if not (is_public(request) or _brings_link(request)):
        grant = frame.authenticator.authenticate(request.headers.get("authorization"))
        exchange.caller = Caller(grant.org_id, grant.key_id, grant.parent_org_id)
        exchange.rate = frame.rate_limiter.count(grant.key_id, grant.rate_limit_per_minute)
        if exchange.rate.exceeded:
            raise frame.rate_limiter.refusal(exchange.rate, "Too many requests.")
    _check_parameters(request)
    if exchange.body_problem is not None:
        raise exchange.body_problem
    _open_record(request, exchange, frame)


def frame_of(request: Request) -> Frame:
    """The app's frame."""
    frame: Frame = request.app.state.frame
    return frame


def is_public(request: Request) -> bool:
    """Whether the route is declared to need no key, as OpenAPI says it: `openapi_extra={"security": []}`."""
    extra = getattr(request.scope.get("route"), "openapi_extra", None) or {}
    return extra.get("security") == []


def _brings_link(request: Request) -> bool:
    """Whether a signed link stands for the key: only on routes that say so, which check it themselves; a key that is
    sent as well is the one that counts."""
    extra = getattr(request.scope.get("route"), "openapi_extra", None) or {}
    takes_links = SIGNED_LINK in extra.get("security", ())
    return takes_links and LINK_PARAMETER in request.query_params and "authorization" not in request.headers


def _check_parameters(request: Request) -> None:
    """Values longer than any id or filter would only be refused by the table, as an error of ours."""
    if any(len(value) > _LONGEST_ID or "\x00" in value for value in request.path_params.values()):
        raise NotFoundError("no such object")
    given = [(name[:50], value) for name, value in request.query_params.multi_items()]
    names = Counter(name for name, _ in given)
    long = sorted({name for name, value in given if len(value) > _LONGEST_QUERY_VALUE})
    problems = [f"{name}: is longer than {_LONGEST_QUERY_VALUE} characters" for name in long]
    problems += [f"{name}: is given more than once" for name, count in sorted(names.items()) if count > 1]
    if problems:
        raise InvalidRequestError("The request is not valid; see details.", details=problems)


def _open_record(request: Request, exchange: Exchange, frame: Frame) -> None:
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST" or exchange.caller is None:
        return
    scope = Scope(exchange.caller.org_id, request.method, request.url.path, key, exchange.body)
    outcome = frame.idempotency.open(scope)
    if isinstance(outcome, Response):
        raise AlreadyAnswered(outcome)
    exchange.record = outcome
    exchange.idempotency = Idempotency(outcome)


async def _caller(request: Request, _: Annotated[None, Depends(admit)]) -> Caller:
    caller = exchange_of(request).caller
    if caller is None:  # a public route cannot ask who is calling
        raise RuntimeError("a route declared public depends on its caller")
    return caller


async def _caller_if_any(request: Request, _: Annotated[None, Depends(admit)]) -> Caller | None:
    return exchange_of(request).caller


async def _idempotency(request: Request, _: Annotated[None, Depends(admit)]) -> Idempotency:
    return exchange_of(request).idempotency


CallerDep = Annotated[Caller, Depends(_caller)]
OptionalCallerDep = Annotated[Caller | None, Depends(_caller_if_any)]
"""For routes that a signed link opens too: None when one was brought instead of a key."""
IdempotencyDep = Annotated[Idempotency, Depends(_idempotency)]
