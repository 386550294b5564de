"""HTTP to addresses customers name, without letting them reach anything but the public internet.

Saving a URL checks its text (`check_url`). Using one goes through the clients made here: their connections resolve the
name themselves and check the address they really connect to, so that a name cannot be pointed elsewhere in between.
No redirect is followed and no proxy is taken from the environment. httpx is imported only when a client is made.
"""

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from sovereign.kernel.addresses import (
    Address,
    is_address_allowed,
    is_loopback_name,
    is_obscured_address,
    literal_address,
)
from sovereign.kernel.errors import InvalidRequestError

if TYPE_CHECKING:
    import httpx

    from sovereign.kernel.egress_body import CappedBody

__all__ = [
    "Address",
    "EgressRefusedError",
    "async_client",
    "check_host",
    "check_url",
    "client",
    "is_address_allowed",
    "read_capped",
    "read_capped_async",
]

USER_AGENT = "HMS-Sovereign/1.0"
"""Sent with every request (spec: webhooks, Headers)."""

_MAX_URL = 2048
_MAX_NAME = 253


class EgressRefusedError(InvalidRequestError):
    """The address may not be connected to (400 when it was sent in a request). Clients raise it as it is, not as an
    httpx error: a caller that treats failed requests catches both."""

    code = "egress_refused"


def check_url(url: str, *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """The URL itself if it may be saved; EgressRefusedError says why not. A name that does not resolve is accepted."""
    if len(url) > _MAX_URL:
        raise EgressRefusedError(f"is longer than {_MAX_URL} characters")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise EgressRefusedError("must not contain spaces or control characters")
    parts = _split(url)
    if parts.scheme not in schemes:
        raise EgressRefusedError(f"must be an absolute URL with {' or '.join(schemes)}")
    if parts.username is not None or parts.password is not None:
        raise EgressRefusedError("must not carry a user name or password")
    check_host(parts.hostname or "")
    return url


def check_host(host: str) -> None:
    """Require that a host (name or literal address) may be saved as a target. Raises EgressRefusedError."""
    literal = literal_address(host)
    if literal is not None:
        if not is_address_allowed(literal):
            raise EgressRefusedError("the address is not a public one")
        return
    if not host or len(host) > _MAX_NAME or is_obscured_address(host):
        raise EgressRefusedError("the host is neither a name nor an IP address")
    if is_loopback_name(host) and not is_address_allowed("127.0.0.1"):
        raise EgressRefusedError("the address is not a public one")


def client(*, timeout: float = 10.0) -> "httpx.Client":
    """A blocking client for addresses customers name; `timeout` in seconds bounds connecting and each wait."""
    from sovereign.kernel import egress_transport  # noqa: PLC0415 - httpx costs a cold start 100 ms

    return egress_transport.client(timeout)


def async_client(*, timeout: float = 10.0) -> "httpx.AsyncClient":
    """As `client`, for asyncio. Wrap a use in `asyncio.timeout` to bound the whole exchange."""
    from sovereign.kernel import egress_transport  # noqa: PLC0415 - as above

    return egress_transport.async_client(timeout)


def read_capped(response: "httpx.Response", limit: int, *, seconds: float) -> "CappedBody":
    """Read a streamed response: at most `limit` bytes (decoded) within `seconds`, then close it."""
    from sovereign.kernel import egress_body  # noqa: PLC0415 - as above

    return egress_body.read_capped(response, limit, seconds=seconds)


async def read_capped_async(response: "httpx.Response", limit: int) -> "CappedBody":
    """As `read_capped`; the caller's `asyncio.timeout` bounds the time."""
    from sovereign.kernel import egress_body  # noqa: PLC0415 - as above

    return await egress_body.read_capped_async(response, limit)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefusedError("is not a URL") from None
    if port == 0:
        raise EgressRefusedError("is not a URL")
    return parts
