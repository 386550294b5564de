"""An end to waiting for a provider that says nothing, for SDKs and protocols that set none of their own."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from media.speech.failures import timed_out

Chunk = TypeVar("Chunk")


async def in_time(stream: AsyncIterator[Chunk], seconds: float, provider: str) -> AsyncGenerator[Chunk, None]:
    """The stream's chunks, each within `seconds` of the one before. Raises ProviderError when one is late.

    The stream is closed whichever way this ends.
    """
    try:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise timed_out(provider) from None
            yield chunk
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
