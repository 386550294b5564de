"""Letting go of a websocket."""

import asyncio
import contextlib

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

CLOSE_SECONDS = 2.0
"""Longest wait for the other end to take part in closing."""


async def leave(websocket: ClientConnection) -> None:
    """Close it; afterwards the connection is gone, also when the other end is silent or this was cancelled."""
    try:
        with contextlib.suppress(TimeoutError, OSError, WebSocketException):
            async with asyncio.timeout(CLOSE_SECONDS):
                await websocket.close()
    finally:
        # what was not closed by then lives on, with a task, until its keepalive gives up
        websocket.transport.abort()
