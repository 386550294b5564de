"""A real endpoint on loopback that misbehaves on request, and clients that may reach loopback only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest
from aiohttp import web

from sovereign.kernel import addresses, settings


@dataclass
class Endpoint:
    """`/slow`, `/drip`, `/drop`, `/redirect`, `/huge`, `/status/<code>`, `/echo`; everything else answers 200 `{}`."""

    port: int = 0
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture(autouse=True)
def loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    allow(monkeypatch, "127.0.0.0/8,::1/128")
    yield
    forget_environment()


def allow(monkeypatch: pytest.MonkeyPatch, cidrs: str) -> None:
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", cidrs)
    forget_environment()


def forget_environment() -> None:
    settings.read_environment.cache_clear()
    addresses.allowed_networks.cache_clear()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made, started = Endpoint(), Event()
    stop: list[Callable[[], object]] = []
    thread = Thread(target=lambda: asyncio.run(_serve(made, started, stop)))
    thread.start()
    assert started.wait(10)
    yield made
    stop[0]()
    thread.join(10)


async def _serve(endpoint: Endpoint, started: Event, stop: list[Callable[[], object]]) -> None:
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    stop.append(lambda: loop.call_soon_threadsafe(over.set))
    async with _listening(endpoint):
        started.set()
        await over.wait()


@asynccontextmanager
async def _listening(endpoint: Endpoint) -> AsyncIterator[None]:
    async def answer(request: web.Request) -> web.StreamResponse:
        endpoint.requests.append((dict(request.headers), await request.read()))
        return await _behave(request)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    endpoint.port = runner.addresses[0][1]
    yield
    await runner.cleanup()


async def _behave(request: web.Request) -> web.StreamResponse:
    kind, _, detail = request.match_info["path"].partition("/")
    if kind == "slow":
        await asyncio.sleep(30)
    if kind == "drip":
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(300):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response
    if kind == "drop":
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if kind == "redirect":
        return web.Response(status=302, headers={"Location": "/elsewhere"})
    if kind == "huge":
        return web.Response(text="x" * 5_000_000)
    if kind == "status":
        return web.Response(status=int(detail), text="no thanks", headers={"Retry-After": "120"})
    if kind == "echo":
        return web.Response(body=request.query["answer"].encode())
    return web.json_response({})
