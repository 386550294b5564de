"""HTTPS on the private network: signed orders in, what was really done out. See docs/architecture.md, Control."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from aws_lambda_powertools import Logger

from media.capacity import Capacity
from media.control.certificate import NodeCertificate
from media.control.orders import AdmitRequest, CallOrders, OrderRefusedError
from media.settings import HostPort
from sovereign.kernel.clock import Clock, utc_now
from sovereign.nodes.signing import ReplayCache, SignatureRefusedError, SignedRequest, verify

__all__ = ["ControlError", "ControlServer"]

MAX_BODY_BYTES = 64 * 1024

logger = Logger(child=True)

SignedHandler = Callable[[web.Request, SignedRequest, Mapping[str, Any]], Awaitable[web.Response]]


class ControlError(Exception):
    """The control server cannot listen; one line that says what to do."""


class ControlServer:
    """The control routes of one node. `secret` is the HMAC key every node and the gateway share."""

    def __init__(
        self, *, node_id: str, secret: str, orders: CallOrders, capacity: Capacity, clock: Clock = utc_now
    ) -> None:
        self._node_id = node_id
        self._secret = secret
        self._orders = orders
        self._capacity = capacity
        self._clock = clock
        self._seen = ReplayCache()
        self._runner: web.AppRunner | None = None

    def app(self) -> web.Application:
        """The routes, for the listener and for tests."""
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.post("/v1/calls/{call_id}/dial", self._signed(self._dial)),
                web.post("/v1/calls/{call_id}/control", self._signed(self._control)),
                web.post("/admit", self._signed(self._admit)),
                web.get("/health", self._health),
            ]
        )
        return app

    async def start(self, address: HostPort, certificate: NodeCertificate) -> None:
        """Listen. Raises ControlError, e.g. for a port in use."""
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, address.host, address.port, ssl_context=certificate.server_context())
        try:
            await site.start()
        except OSError as failed:
            await self.close()
            raise ControlError(
                f"CONTROL_LISTEN: {address} is not available ({failed.strerror}); stop what uses it or choose another"
            ) from None

    async def close(self) -> None:
        """Stop listening; requests under way get five seconds."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    def _signed(self, handler: SignedHandler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            try:
                signed = verify(
                    self._secret,
                    method=request.method,
                    path=request.path,
                    body=body,
                    headers=request.headers,
                    node_id=self._node_id,
                    now=self._clock(),
                    seen=self._seen,
                )
            except SignatureRefusedError as refused:
                logger.warning("control_request_refused", reason=str(refused))
                return _refusal(401, "unauthorized", "The signature was refused")
            return await handler(request, signed, _object(body))

        return handle

    async def _dial(self, request: web.Request, signed: SignedRequest, body: Mapping[str, Any]) -> web.Response:
        org_id, call_id = _whose_call(request, signed, body)
        if not self._orders.dial(org_id, call_id):
            return _refusal(503, "no_capacity", "This node takes no more calls")
        return web.json_response({"ok": True}, status=202)

    async def _control(self, request: web.Request, signed: SignedRequest, body: Mapping[str, Any]) -> web.Response:
        org_id, call_id = _whose_call(request, signed, body)
        command = body.get("command")
        if not isinstance(command, dict) or not isinstance(command.get("type"), str):
            raise OrderRefusedError("invalid_request", "command: must be an object with a type")
        await self._orders.command(org_id, call_id, command)
        return web.json_response({"ok": True})

    async def _admit(self, _: web.Request, __: SignedRequest, body: Mapping[str, Any]) -> web.Response:
        answer = await self._orders.admit(_admit_request(body))
        members = {"action": answer.action, "code": answer.code, "reason": answer.reason}
        return web.json_response({name: value for name, value in members.items() if value is not None})

    async def _health(self, _: web.Request) -> web.Response:
        draining = self._capacity.draining
        state = "draining" if draining else "accepting" if self._capacity.accepting else "full"
        figures = {"active_calls": self._capacity.active, "capacity": self._capacity.limit, "state": state}
        return web.json_response({"status": "ok", **figures})


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except OrderRefusedError as refused:
        return _refusal(409, refused.code, refused.message)
    except web.HTTPException as problem:
        return _refusal(problem.status, "invalid_request", problem.reason)
    except Exception:
        logger.exception("control_request_failed")
        return _refusal(500, "internal_error", "The node failed")


def _whose_call(request: web.Request, signed: SignedRequest, body: Mapping[str, Any]) -> tuple[str, str]:
    """Organization and call, which path, body and signature must agree on."""
    org_id, call_id = body.get("org_id"), request.match_info["call_id"]
    if not isinstance(org_id, str) or not org_id or (org_id, call_id) != (signed.org_id, signed.call_id):
        raise OrderRefusedError("invalid_request", "org_id and call must be those of the signature")
    return org_id, call_id


def _admit_request(body: Mapping[str, Any]) -> AdmitRequest:
    def text(name: str) -> str | None:
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            raise OrderRefusedError("invalid_request", f"{name}: must be a string")
        return value

    source, request_uri = text("source"), text("request_uri")
    if not source or not request_uri:
        raise OrderRefusedError("invalid_request", "source and request_uri are required")
    return AdmitRequest(
        source=source,
        transport=text("transport") or "udp",
        request_uri=request_uri,
        to=text("to"),
        caller=text("from"),
        diversion=text("diversion"),
    )


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise OrderRefusedError("invalid_request", "the body must be a JSON object") from None
    if not isinstance(value, dict):
        raise OrderRefusedError("invalid_request", "the body must be a JSON object")
    return value


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"ok": False, "code": code, "message": message}, status=status)
