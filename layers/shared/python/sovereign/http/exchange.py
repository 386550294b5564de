"""The layer around the routes: reads the body within bounds, turns every failure into an answer, finishes it."""

import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sovereign.api_keys.model import DEFAULT_RATE_LIMIT_PER_MINUTE
from sovereign.http.admission import AlreadyAnswered, Exchange
from sovereign.http.bodies import MAX_BODY_BYTES, body_problem
from sovereign.http.errors import as_domain_error, error_response, internal_error_response
from sovereign.http.frame import Frame
from sovereign.http.responses import within_bound
from sovereign.kernel import ids
from sovereign.kernel.errors import BodyTooLargeError
from sovereign.kernel.observe import count_request, logger

_log = logger()
_SAFE_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class ExchangeLayer:
    """ASGI middleware: one Exchange a request, one complete response back."""

    def __init__(self, app: ASGIApp, frame: Frame) -> None:
        self._app = app
        self._frame = frame

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = Exchange(_request_id(scope))
        exchange.body, exchange.body_problem = await _read_body(scope, receive)
        scope.setdefault("state", {})["exchange"] = exchange
        response = within_bound(await self._answer(scope, exchange))
        if exchange.record is not None:
            await run_in_threadpool(_close, exchange, response)
        rate = exchange.rate or self._frame.rate_limiter.state(None)
        response.headers.update(rate.headers(DEFAULT_RATE_LIMIT_PER_MINUTE))
        response.headers.update({"X-Request-Id": exchange.request_id, **_SAFE_HEADERS})
        _record(scope, exchange, response, started)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, exchange: Exchange) -> Response:
        captured = _Captured()
        try:
            await self._app(scope, _replay(exchange.body), captured)
        except AlreadyAnswered as stored:
            return stored.response
        except Exception as failure:  # noqa: BLE001 - the edge: whatever a route raises becomes an answer
            return _answer_failure(failure, exchange)
        return captured.response()


class _Captured:
    """An ASGI `send` that keeps the response."""

    def __init__(self) -> None:
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    def response(self) -> Response:
        """The whole response."""
        response = Response(bytes(self._body), self._status)
        response.raw_headers = [(name.lower(), value) for name, value in self._headers]
        return response


async def _read_body(scope: Scope, receive: Receive) -> tuple[bytes, Any]:
    """The body, or the problem with it; past the bound nothing is kept."""
    headers = Headers(scope=scope)
    declared = headers.get("content-length", "0")
    too_large = declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += b"" if too_large else message.get("body", b"")
        more = message.get("more_body", False)
        too_large = too_large or len(body) > MAX_BODY_BYTES
    if too_large:
        return b"", BodyTooLargeError(f"a body is at most {MAX_BODY_BYTES} bytes")
    problem = body_problem(headers.get("content-type", ""), bytes(body))
    return (bytes(body), None) if problem is None else (b"", problem)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _answer_failure(failure: Exception, exchange: Exchange) -> Response:
    known = as_domain_error(failure)
    if known is not None:
        return error_response(known)
    _log.error("request_failed", exc_info=failure, extra={"request_id": exchange.request_id})
    return internal_error_response(exchange.request_id)


def _close(exchange: Exchange, response: Response) -> None:
    try:
        if exchange.record is not None:
            exchange.record.close(response)
    except Exception as failure:  # noqa: BLE001 - the work is done: the client gets its answer, the record ages out
        _log.error("idempotency_record_not_closed", exc_info=failure, extra={"request_id": exchange.request_id})


def _record(scope: Scope, exchange: Exchange, response: Response, started: float) -> None:
    duration_ms = round((time.perf_counter() - started) * 1000, 1)
    fields: dict[str, Any] = {
        "request_id": exchange.request_id,
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", None),
        "status": response.status_code,
        "duration_ms": duration_ms,
    }
    if exchange.caller is not None:
        fields |= {"org_id": exchange.caller.org_id, "key_id": exchange.caller.key_id}
    _log.info("request_handled", extra=fields)
    count_request(response.status_code, duration_ms)


def _request_id(scope: Scope) -> str:
    context = scope.get("aws.event", {}).get("requestContext", {})
    return str(context.get("requestId") or ids.new_id())
