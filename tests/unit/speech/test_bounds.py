"""Streams of vendors that hang: nothing is kept open for them, and nothing grows without an end."""

import asyncio
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from media.speech.adapters import AdapterContext
from media.speech.fallback.chain import PATIENCE_SECONDS, Chain
from media.speech.fallback.recogniser import FallbackSession
from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.realtime.openai_socket import JsonSocket
from media.speech.stt import google
from tests.virtual_time import run_virtual


class Hanging:
    """A stream that takes no audio."""

    usage = ProviderUsage()
    closed = False

    async def feed(self, pcm: bytes) -> None:
        await asyncio.sleep(1e6)

    async def close(self) -> None:
        self.closed = True


def test_a_stream_that_hangs_as_it_takes_over_is_closed() -> None:
    hanging = Hanging()

    async def play() -> None:
        recogniser = Mock(open=AsyncMock(return_value=hanging))
        chain: Any = Chain([AsyncMock(return_value=recogniser)], Mock(errors=[], provider_retries=0))
        session = FallbackSession(chain, 8000)
        session._utterance += bytes(1600)
        with pytest.raises(ProviderError, match="in time"):
            await session.connect()
        assert asyncio.get_running_loop().time() <= 2 * PATIENCE_SECONDS + 0.1

    run_virtual(play())
    assert hanging.closed


async def test_a_stream_that_takes_no_audio_fails_instead_of_keeping_it() -> None:
    told: list[ProviderError] = []
    stream = google._Stream(cast(Any, Mock()), told.append, AsyncMock())
    for _ in range(google._MOST_WAITING):
        await stream.send(bytes(320))
    with pytest.raises(ProviderError, match="in time"):
        await stream.send(bytes(320))
    assert len(told) == 1
    assert stream._audio.qsize() == google._MOST_WAITING


async def test_an_event_of_a_customers_own_server_has_a_largest_size() -> None:
    given: dict[str, Any] = {}

    def connect(_: Any, options: dict[str, Any]) -> Any:
        given.update(options)
        return Mock(enter=AsyncMock())

    context = AdapterContext("key", "https://93.184.216.34/v1", Path(), guarded=True)
    await JsonSocket.open("openai", context, "https://vendor.example/v1", connect)
    assert given["host"] == "93.184.216.34"
    assert given["max_size"] == 8 * 1024 * 1024
