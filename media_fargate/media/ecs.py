"""What a task asks of ECS, over the two link-local endpoints each of its containers has."""

import asyncio
import ipaddress
from typing import Any

import aiohttp

from media.settings import MediaEnvironment

__all__ = ["EcsTaskProtection", "ProtectionRefusedError", "UnknownAddressError", "locate", "private_address"]

_REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=2)
_METADATA_PAUSES_SECONDS = (0.5, 1.0, 2.0)
"""Between attempts to read the metadata: in a task's first moments the endpoint may not answer."""


class ProtectionRefusedError(Exception):
    """ECS did not confirm the protection; the message is its own reason code or the kind of failure."""


class UnknownAddressError(Exception):
    """The task's own address could not be found out; one line. Trying again later may help."""


class EcsTaskProtection:
    """The task scale-in protection of the task this process runs in. `agent_uri` is ECS_AGENT_URI."""

    def __init__(self, agent_uri: str) -> None:
        self._url = f"{agent_uri.rstrip('/')}/task-protection/v1/state"

    async def protect(self, minutes: int) -> None:
        """Keep ECS from stopping the task for so long, counted anew. Raises ProtectionRefusedError."""
        wanted = {"ProtectionEnabled": True, "ExpiresInMinutes": minutes}
        try:
            async with (
                aiohttp.ClientSession(timeout=_REQUEST_TIMEOUT) as session,
                session.put(self._url, json=wanted) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
            raise ProtectionRefusedError(type(failed).__name__) from None
        if _member(answer, "protection", "ProtectionEnabled") is not True:
            reason = _member(answer, "failure", "Reason") or _member(answer, "error", "Code") or "not confirmed"
            raise ProtectionRefusedError(str(reason))


async def locate(environment: MediaEnvironment) -> MediaEnvironment:
    """The environment with the task's own address where it says every address; outside ECS as it is.

    Raises UnknownAddressError.
    """
    uri = environment.ecs_container_metadata_uri_v4
    if uri is None or not environment.needs_own_address:
        return environment
    return environment.located(await private_address(uri))


async def private_address(metadata_uri: str) -> str:
    """The task's private IPv4 address (`metadata_uri` is ECS_CONTAINER_METADATA_URI_V4). Raises UnknownAddressError."""
    for pause in (*_METADATA_PAUSES_SECONDS, None):
        try:
            return _address_in(await _metadata(metadata_uri))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            if pause is not None:
                await asyncio.sleep(pause)
    raise UnknownAddressError("ECS_CONTAINER_METADATA_URI_V4: the task metadata does not tell this task's address")


async def _metadata(uri: str) -> Any:
    async with (
        aiohttp.ClientSession(timeout=_REQUEST_TIMEOUT, raise_for_status=True) as session,
        session.get(uri) as response,
    ):
        return await response.json(content_type=None)


def _address_in(metadata: Any) -> str:
    """The first IPv4 address of a container's metadata. Raises ValueError."""
    networks = metadata.get("Networks") if isinstance(metadata, dict) else None
    for network in networks if isinstance(networks, list) else ():
        for address in _member(network, "IPv4Addresses") or ():
            found = ipaddress.IPv4Address(address)
            if not found.is_unspecified:
                return str(found)
    raise ValueError("no IPv4 address")


def _member(value: Any, *names: str) -> Any:
    """A member of nested objects, None where anything on the way is missing or no object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
