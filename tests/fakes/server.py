"""What the stand-in servers share: a loopback server, scripted trouble, and running as a process of its own."""

import argparse
import asyncio
import contextlib
import math
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

GOOD_KEY = "good-key"
BAD_KEY = "bad-key"
QUOTA_KEY = "quota-key"


@dataclass
class Trouble:
    """How the server misbehaves. Delays are in seconds."""

    first_delay: float = 0.0
    between_delay: float = 0.0
    drop_after: int | None = None
    """Pieces of an answer after which the connection is cut; 0 cuts before the first."""
    drop_once: bool = False
    """Cut only the first connection that gets so far."""
    garbled: bytes | None = None
    """What is sent in place of the second piece of an answer."""
    status: int | None = None
    """Refuse every request with this status."""

    def cuts(self, pieces: int) -> bool:
        """Whether an answer is cut after so many pieces."""
        if pieces != self.drop_after:
            return False
        if self.drop_once:
            self.drop_after = None
        return True


class FakeServer:
    """A provider on 127.0.0.1. Use as an async context manager; `url` is where it listens."""

    def __init__(self, trouble: Trouble | None = None, *, port: int = 0) -> None:
        self.trouble = trouble or Trouble()
        self.requests: list[dict[str, object]] = []
        self.open_connections = 0
        self._port = port
        self._runner: web.AppRunner | None = None
        self.tls: ssl.SSLContext | None = None

    def routes(self) -> list[web.RouteDef]:
        """The endpoints of this provider."""
        return []

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self.tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def answer_in_pieces(
        self, request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes]
    ) -> web.StreamResponse:
        """Send pieces with the scripted delays, cutting the connection where the script says so."""
        self.open_connections += 1
        try:
            await asyncio.sleep(self.trouble.first_delay)
            await response.prepare(request)
            for count, piece in enumerate(pieces):
                if self.trouble.cuts(count):
                    cut(request)
                    return response
                if count:
                    await asyncio.sleep(self.trouble.between_delay)
                await response.write(self.trouble.garbled if self.trouble.garbled and count == 1 else piece)
            await response.write_eof()
            return response
        finally:
            self.open_connections -= 1


def cut(request: web.Request) -> None:
    """Close the connection without a proper end, as a crashed server would."""
    if request.transport:
        request.transport.abort()


def tone(seconds: float, rate: int, hertz: float = 440.0) -> bytes:
    """16-bit PCM of a tone: a stand-in for speech that can be heard and measured."""
    count = int(seconds * rate)
    return b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * hertz * n / rate))) for n in range(count))


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def run(name: str, make: Callable[[Trouble, int], FakeServer]) -> None:
    """Serve until interrupted: `python -m tests.fakes.<name> --port 21701 --first-delay 0.2`."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.fakes.{name}")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--first-delay", type=float, default=0.0, help="seconds before the first piece of an answer")
    parser.add_argument("--between-delay", type=float, default=0.0, help="seconds between pieces")
    given = parser.parse_args()

    async def serve() -> None:
        trouble = Trouble(first_delay=given.first_delay, between_delay=given.between_delay)
        async with make(trouble, given.port) as server:
            print(f"{name} stand-in on {server.url}", flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
