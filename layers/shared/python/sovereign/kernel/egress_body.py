"""Reading a response somebody else controls: bounded in bytes, in time, and against compression bombs."""

import time
import zlib
from dataclasses import dataclass

import httpx

_ZLIB_OR_GZIP = 47  # zlib.MAX_WBITS + 32: tell the two formats apart by their header
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


@dataclass(frozen=True)
class CappedBody:
    """What was read; `truncated` tells that there was more."""

    content: bytes
    truncated: bool


def read_capped(response: httpx.Response, limit: int, *, seconds: float) -> CappedBody:
    """Read at most `limit` decoded bytes, then close. httpx.ReadTimeout after `seconds`, httpx.DecodingError for an
    encoding that was not asked for."""
    deadline = time.monotonic() + seconds
    raw = bytearray()
    try:
        for chunk in response.iter_raw():
            raw += chunk
            if len(raw) > limit:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the response took too long", request=response.request)
    finally:
        response.close()
    return _decoded(response, bytes(raw), limit)


async def read_capped_async(response: httpx.Response, limit: int) -> CappedBody:
    """As `read_capped`, without a time bound of its own."""
    raw = bytearray()
    try:
        async for chunk in response.aiter_raw():
            raw += chunk
            if len(raw) > limit:
                break
    finally:
        await response.aclose()
    return _decoded(response, bytes(raw), limit)


def _decoded(response: httpx.Response, raw: bytes, limit: int) -> CappedBody:
    truncated = len(raw) > limit
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"", "identity"}:
        return CappedBody(raw[:limit], truncated)
    if encoding not in _COMPRESSED:
        raise httpx.DecodingError("the response has an encoding that was not asked for", request=response.request)
    decoder = zlib.decompressobj(_ZLIB_OR_GZIP)
    try:
        content = decoder.decompress(raw[:limit], limit)
    except zlib.error:
        raise httpx.DecodingError("the response is not what its encoding says", request=response.request) from None
    return CappedBody(content, truncated or bool(decoder.unconsumed_tail))
