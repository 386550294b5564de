"""What the adapters on the openai SDK's websockets share: connecting in time, JSON both ways, errors as ours."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger
from openai import AsyncOpenAI
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import BadKeyError, ProviderError, QuotaError, ToolSpec
from media.speech.realtime.leaving import CLOSE_SECONDS, leave
from sovereign.kernel.egress import EgressRefusedError
from sovereign.kernel.egress_transport import allowed_address

_CONNECT_SECONDS = 5.0
_START_SECONDS = 5.0
_LARGEST_EVENT = 8 * 1024 * 1024
"""Bytes: minutes of audio. The other end may be of a customer's choosing, and the memory is every call's."""
_BAD_KEY_CODES = frozenset(
    {"invalid_api_key", "authentication_error", "unauthorized", "permission_denied", "account_deactivated"}
)
_QUOTA_CODES = frozenset(
    {
        "insufficient_quota",
        "rate_limit_exceeded",
        "quota_exceeded",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "concurrent_session_limit_reached",
    }
)
_SERVER_CODES = frozenset({"server_error", "internal_error", "service_unavailable", "overloaded"})


logger = Logger(child=True)


def error_of(provider: str, error: Mapping[str, Any]) -> ProviderError | None:
    """A vendor's error event as ours; None for one that only refuses the request it answers. Its message is left out:
    it may repeat what was said."""
    codes = {str(error.get("code")), str(error.get("type"))}
    if codes & _BAD_KEY_CODES:
        return BadKeyError(provider, "the key was refused", retryable=False)
    if codes & _QUOTA_CODES:
        return QuotaError(provider, "over its quota or rate", retryable=False)
    return ProviderError(provider, "failed", retryable=True) if codes & _SERVER_CODES else None


class JsonSocket:
    """One open websocket of JSON events."""

    def __init__(self, provider: str, client: AsyncOpenAI, connection: Any) -> None:
        self._provider = provider
        self._client = client
        self._connection = connection

    @classmethod
    async def open(
        cls, provider: str, context: AdapterContext, vendor_url: str, connect: Callable[[AsyncOpenAI, Any], Any]
    ) -> "JsonSocket":
        """Connect; `connect` makes the SDK's connection manager from a client and websocket options.

        Raises ProviderError; with a customer's own address also for one that may not be connected to.
        """
        base_url = context.base_url or vendor_url
        client = AsyncOpenAI(api_key=context.api_key, base_url=base_url, max_retries=0)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                limits = {"max_size": _LARGEST_EVENT, "close_timeout": CLOSE_SECONDS}
                options = {**limits, **(await _guarded_options(base_url) if context.guarded else {})}
                connection = await connect(client, options).enter()
        except BaseException as failure:
            await client.close()
            if isinstance(failure, InvalidStatus):
                # the SDK's errors carry the request's headers, so they must not become this one's cause
                raise refused(provider, failure.response.status_code) from None
            if isinstance(failure, TimeoutError):
                raise timed_out(provider) from None
            if isinstance(failure, OSError | WebSocketException | EgressRefusedError):
                raise unreachable(provider) from None
            raise
        return cls(provider, client, connection)

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one event. Raises ProviderError when the connection is gone."""
        try:
            await self._connection.send_raw(json.dumps(event))
        except (OSError, WebSocketException):
            raise dropped(self._provider) from None

    async def receive(self) -> Mapping[str, Any] | None:
        """The next event; None for one that is not an object. Raises ProviderError when the connection is gone.

        May be cancelled without losing an event.
        """
        try:
            event = json.loads(await self._connection.recv_bytes())
        except (ConnectionClosed, OSError, WebSocketException):
            raise dropped(self._provider) from None
        except (ValueError, RecursionError):
            raise ProviderError(self._provider, "sent something that is not JSON", retryable=True) from None
        return event if isinstance(event, dict) else None

    async def configure(self, request: Mapping[str, Any], done: str) -> None:
        """Send a session's configuration and wait for the event that says that it is taken.

        Raises ProviderError; a refusal is final, for nothing works without it.
        """
        await self.send(request)
        try:
            async with asyncio.timeout(_START_SECONDS):
                while (event := await self.receive() or {}).get("type") != done:
                    if event.get("type") == "error":
                        raise error_of(self._provider, member(event, "error")) or ProviderError(
                            self._provider, "refused the configuration", retryable=False
                        )
        except TimeoutError:
            raise timed_out(self._provider) from None

    def refused(self, event: Mapping[str, Any]) -> None:
        """An error event in the midst of a conversation. Raises ProviderError when that ends it."""
        error = member(event, "error")
        if failure := error_of(self._provider, error):
            raise failure
        logger.info("realtime_request_refused", provider=self._provider, code=str(error.get("code"))[:80])

    async def close(self) -> None:
        """Close; never raises."""
        try:
            # the SDK's own way waits for the other end
            await leave(self._connection._connection)
        finally:
            await self._client.close()


async def _guarded_options(base_url: str) -> dict[str, Any]:
    """Connect to an address that was checked, whatever the name resolves to a moment later; take no proxy."""
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    return {"host": await allowed_address(parts.hostname or "", port), "port": port, "proxy": None}


def member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in an event; empty where it has none."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def string(value: Mapping[str, Any], name: str) -> str:
    """A text in an event; empty where it has none."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def function(tool: ToolSpec) -> Mapping[str, Any]:
    """A tool as a session is offered it."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }


def encoded(pcm: bytes) -> str:
    """Audio as the protocols carry it."""
    return base64.b64encode(pcm).decode("ascii")


def decoded(audio: Any) -> bytes:
    """The audio of an event; empty when it is none."""
    try:
        return base64.b64decode(audio) if isinstance(audio, str) else b""
    except ValueError:
        return b""


def arguments_of(text: Any) -> Mapping[str, Any]:
    """A tool call's arguments; those that are no object fail the check of the tool's own schema."""
    try:
        arguments = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {"": "the arguments were not valid JSON"}
    return arguments if isinstance(arguments, dict) else {"": "the arguments were not an object"}
