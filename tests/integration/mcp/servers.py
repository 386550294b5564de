"""Serves MCP servers, and what only claims to be one, on loopback."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from sovereign.kernel import settings
from sovereign.kernel.addresses import allowed_networks

Asgi = Callable[[Any, Any, Any], Any]
KEY = "Bearer let-me-in"


@contextlib.contextmanager
def serving(app: Asgi, port: int = 0) -> Iterator[str]:
    """The address of a running app."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def behind_a_key(app: Asgi) -> Asgi:
    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != KEY.encode():
            await answer(send, 401)
            return
        await app(scope, receive, send)

    return guarded


async def answer(send: Any, status: int, body: bytes = b"", **headers: str) -> None:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def always(status: int, body: bytes = b"", **headers: str) -> Asgi:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answer(send, status, body, **headers)

    return app


def forget() -> None:
    """Let the environment be read again."""
    settings.read_environment.cache_clear()
    allowed_networks.cache_clear()
