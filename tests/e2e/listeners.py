"""Servers of a test on loopback, each in a thread of its own: a customer's endpoint and a provider's stand-in."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer


@dataclass
class Endpoint(FakeServer):
    """A customer's webhooks: `/hang` never answers, `/slow` answers an assistant-request after three seconds.

    `entries` are what came, as the platform's own sink lists it.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hang", self._hang), web.post("/slow", self._slow)]

    def webhooks(self, call_id: str, kind: str) -> list[dict[str, Any]]:
        """What came of one call."""
        messages = ((entry, entry["body"]["message"]) for entry in list(self.entries))
        return [entry for entry, m in messages if m["call"]["id"] == call_id and m["type"] == kind]

    async def _keep(self, request: web.Request) -> str:
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.entries.append({"path": request.path, "headers": headers, "body": body})
        kind: str = body["message"]["type"]
        return kind

    async def _hang(self, request: web.Request) -> web.Response:
        await self._keep(request)
        await asyncio.sleep(3600)
        return web.json_response({})

    async def _slow(self, request: web.Request) -> web.Response:
        if await self._keep(request) == "assistant-request":
            await asyncio.sleep(3)
        return web.Response(text=json.dumps({}), content_type="application/json")


@contextmanager
def running(server: FakeServer) -> Iterator[None]:
    """Serve from a thread until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
