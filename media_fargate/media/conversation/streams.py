"""Provider streams with an end to waiting."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from media.speech.interfaces import ProviderError

Chunk = TypeVar("Chunk")


async def chunks_in_time(stream: AsyncIterator[Chunk], seconds: float, provider: str) -> AsyncGenerator[Chunk, None]:
    """The stream's chunks, each within `seconds` of the one before (or of the start).

    Raises ProviderError (retryable) when one is late; the stream is closed whichever way this ends.
    Iterate it under `contextlib.aclosing`.
    """
    try:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise ProviderError(provider, f"nothing came for {seconds:g} seconds", retryable=True) from None
            yield chunk
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
