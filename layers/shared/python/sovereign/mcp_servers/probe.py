"""Asks an MCP server for its tools with the official client, through the egress guard.

Imported only by what connects: the client costs a cold start half a second.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from sovereign.mcp_servers.connection import Guard, RefusedAnswerError, causes_of, connected, listed_tools
from sovereign.mcp_servers.model import Transport

LONGEST_SECONDS = 24.0
"""A request of ours is answered within 28 s, whatever the server's own timeout is."""


@dataclass(frozen=True)
class Found:
    """What came of it: the tools, or why there are none. The duration is in milliseconds."""

    duration_ms: int
    tools: list[dict[str, Any]]
    error: str | None = None

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        if self.error is not None:
            return {"ok": False, "duration_ms": self.duration_ms, "error": self.error}
        return {"ok": True, "duration_ms": self.duration_ms, "tools": self.tools}


def find_tools(url: str, transport: Transport, headers: Mapping[str, str], timeout_seconds: float) -> Found:
    """Connect, ask, close. Never raises for what a server does; blocks for at most `LONGEST_SECONDS`."""
    seconds = min(timeout_seconds, LONGEST_SECONDS)
    started = time.perf_counter()
    guard = Guard()
    try:
        tools = asyncio.run(_tools_within(seconds, url, transport, guard.client(seconds, headers)))
    except Exception as failure:  # noqa: BLE001 - the client raises groups of anything a server makes it stumble over
        return Found(_elapsed(started), [], _reason(failure, guard, seconds))
    return Found(_elapsed(started), tools)


async def _tools_within(
    seconds: float, url: str, transport: Transport, http: httpx2.AsyncClient
) -> list[dict[str, Any]]:
    async with asyncio.timeout(seconds), connected(url, transport, http, answer_seconds=seconds) as client:
        return await listed_tools(client)


def _reason(failure: BaseException, guard: Guard, seconds: float) -> str:
    """The most telling of the failures, in our own words: a server's may say anything."""
    causes = list(causes_of(failure))
    if any(isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout) for cause in causes):
        return "it cannot be connected to, or its address is not a public one"
    if any(isinstance(cause, TimeoutError | httpx2.TimeoutException) for cause in causes):
        return f"it does not answer within {seconds:g} seconds"
    if guard.refusal is not None:
        return guard.refusal
    refused = next((cause for cause in causes if isinstance(cause, RefusedAnswerError)), None)
    return str(refused) if refused else "it does not answer as an MCP server does"


def _elapsed(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
