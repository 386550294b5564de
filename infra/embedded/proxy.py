"""A fixed port in front of the emulated HTTP API: `python -m infra.embedded.proxy <port> <target>`.

Adds what AWS's own front adds and the emulator does not: `x-forwarded-for`, the body limit, a 30 s limit, and errors
in the API's shape instead of the emulator's own.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from infra.embedded.settings import LOOPBACK

MAX_BODY_BYTES = 10 * 1024 * 1024
"""The most an HTTP API accepts."""
_AS_IT_CAME = {"max_field_size": 16384, "auto_decompress": False}
"""Nothing unpacks a body before the function does, so that a compressed one is what it is on AWS: no JSON."""
_SECONDS = 30.0
"""When an HTTP API gives up on a function."""
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OURS = frozenset({"host", "content-length", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"})
_TARGET = web.AppKey("target", str)
_SESSION = web.AppKey("session", ClientSession)


def create_proxy(target: str) -> web.Application:
    """The application; `target` is the address everything is passed on to, path and query kept as they came."""
    application = web.Application(client_max_size=MAX_BODY_BYTES, handler_args=_AS_IT_CAME)
    application[_TARGET] = target.rstrip("/")
    application.router.add_route("*", r"/{path:[\s\S]*}", _pass_on)
    application.cleanup_ctx.append(_session)
    return application


async def _session(application: web.Application) -> AsyncIterator[None]:
    connector = TCPConnector(limit=200, keepalive_timeout=30)
    async with ClientSession(connector=connector, auto_decompress=False, timeout=ClientTimeout(_SECONDS)) as session:
        application[_SESSION] = session
        yield


async def _pass_on(request: web.Request) -> web.StreamResponse:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return _error(413, "Payload Too Large", "body_too_large")
    try:
        status, headers, answer = await _ask(request, body)
    except TimeoutError:
        return _error(503, "Service Unavailable", "timeout")
    except ClientError:
        return _error(503, "Service Unavailable", "unavailable")
    if status >= 500 and b'"errorMessage"' in answer[:200]:
        # the emulator shows a crashed function's own words, which AWS does not
        return _error(502, "Bad Gateway", "internal_error")
    if status == 403 and request.method == "OPTIONS" and b"CORS not configured" in answer:
        # the emulator's own words; without CORS an HTTP API gives the request to the function, which takes no OPTIONS
        return _error(405, "Method Not Allowed", "method_not_allowed")
    return web.Response(status=status, headers=headers, body=answer)


async def _ask(request: web.Request, body: bytes) -> tuple[int, CIMultiDict[str], bytes]:
    url = URL(request.app[_TARGET] + request.raw_path, encoded=True)
    async with request.app[_SESSION].request(
        request.method, url, headers=_forwarded(request), data=body or None, allow_redirects=False
    ) as answer:
        return answer.status, _end_to_end(answer.headers, drop={"content-length"}), await answer.read()


def _forwarded(request: web.Request) -> CIMultiDict[str]:
    headers = _end_to_end(request.headers, drop=_OURS)
    headers["X-Forwarded-For"] = request.remote or LOOPBACK
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Port"] = str(request.url.port or 80)
    return headers


def _end_to_end(headers: CIMultiDictProxy[str], drop: AbstractSet[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    gone = _HOP_BY_HOP | named | drop
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in gone)


def _error(status: int, title: str, code: str) -> web.Response:
    headers = {"Retry-After": "1"} if status == 503 else {}
    return web.json_response({"error": title, "code": code}, status=status, headers=headers)


async def _serve(port: int, target: str) -> None:
    runner = web.AppRunner(create_proxy(target), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
