"""What every streaming recogniser does on a call: one suite over all of them."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import aclosing

import pytest

from media.speech.interfaces import BadKeyError, ProviderError, ProviderUsage, RecognitionSession
from media.speech.stt import deepgram, elevenlabs, gladia, google, mistral, stream, utterances
from tests.fakes.server import BAD_KEY, Trouble
from tests.fakes.voxtral import FakeVoxtral
from tests.media.speech.recognisers import RECOGNISERS, RecogniserVendor, speech


@pytest.fixture(params=RECOGNISERS, ids=str)
def vendor(request: pytest.FixtureRequest) -> RecogniserVendor:
    return RECOGNISERS[request.param]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits for text that never comes, shortened."""
    monkeypatch.setattr(stream, "_QUIET_SECONDS", 0.1)
    monkeypatch.setattr(stream, "_TEXT_SECONDS", 0.3)
    monkeypatch.setattr(utterances, "_FINISH_SECONDS", 0.3)


async def _say(session: RecognitionSession, seconds: float, rate: int = 8000) -> None:
    """Feed as the conversation does, in pieces of 60 ms."""
    pcm, size = speech(seconds, rate), int(0.06 * rate) * 2
    for at in range(0, len(pcm), size):
        await session.feed(pcm[at : at + size])


async def test_each_utterance_is_returned_once_and_counted(vendor: RecogniserVendor) -> None:
    async with vendor.fake(utterances=["what are your hours", "thank you"]) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 1.2)
        first = await session.finalise()
        await _say(session, 0.6)
        second = await session.finalise()
        usage = session.usage
        await session.close()
        heard = [transcript async for transcript in session.transcripts()]
    assert (first, second) == ("what are your hours", "thank you")
    assert [t.text for t in heard if t.final] == ["what are your hours", "thank you"]
    assert [t.text for t in heard if not t.final][:2] == ["what", "what are"]
    assert usage == ProviderUsage(audio_seconds=1.8)


@pytest.mark.parametrize("rate", [8000, 16_000])
async def test_the_lines_rate_is_the_vendors(vendor: RecogniserVendor, rate: int) -> None:
    async with vendor.fake() as server:
        session = await vendor.make(server.url).open(rate)
        await _say(session, 1.02, rate)
        assert await session.finalise() == "hello there"
        usage = session.usage
        await session.close()
        told = server.requests[0]
    assert str(rate) in f"{told}"
    assert usage.audio_seconds == 1.02
    # silence an adapter ends an utterance with may come on top
    assert 0 <= server.audio_bytes - len(speech(1.02, rate)) <= rate * 2 * 0.4


async def test_finalise_without_new_audio_asks_nothing(vendor: RecogniserVendor) -> None:
    async with vendor.fake() as server:
        session = await vendor.make(server.url).open(8000)
        assert await session.finalise() == ""
        await _say(session, 1)
        assert await session.finalise() == "hello there"
        asked = list(server.messages)
        assert await session.finalise() == ""
        assert server.messages == asked
        await session.close()


async def test_audio_fed_while_the_text_is_awaited_is_the_next_utterance(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(first_delay=0.3), utterances=["first words", "second words"]) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 1)
        asking = asyncio.create_task(session.finalise())
        await asyncio.sleep(0.05)
        await _say(session, 1)
        assert await asking == "first words"
        assert await session.finalise() == "second words"
        await session.close()


async def test_a_slow_server_is_waited_for(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(first_delay=1.8)) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 1)
        assert await session.finalise() == "hello there"
        await session.close()


@pytest.mark.usefixtures("hurried")
async def test_words_that_are_never_confirmed_are_a_failure_that_may_be_tried_again(vendor: RecogniserVendor) -> None:
    async with vendor.fake(answers_end=False) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 1)
        began = time.monotonic()
        with pytest.raises(ProviderError, match="in time") as raised:
            await session.finalise()
        assert time.monotonic() - began < 2
        assert raised.value.retryable
        with pytest.raises(ProviderError, match="in time"):
            await session.feed(bytes(960))
        await session.close()


@pytest.mark.usefixtures("hurried")
async def test_a_recogniser_that_says_nothing_again_is_a_failure_that_may_be_tried_again(
    vendor: RecogniserVendor,
) -> None:
    async with vendor.fake(answers_end=False) as server:
        server.mute = True
        session = await vendor.make(server.url).open(8000)
        with pytest.raises(ProviderError, match="in time") as raised:
            await _unanswered_twice(session)
        assert raised.value.retryable
        await session.close()


async def test_a_stream_closed_in_mid_utterance_lets_the_server_go(vendor: RecogniserVendor) -> None:
    async with vendor.fake() as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 1)
        await _until(lambda: server.open_connections == 1)
        began = time.monotonic()
        await session.close()
        await session.close()
        assert time.monotonic() - began < 1.5
        await _until(lambda: server.open_connections == 0)
        with pytest.raises(ProviderError, match="closed"):
            await session.feed(bytes(320))
        with pytest.raises(ProviderError, match="closed"):
            await session.finalise()


async def test_cancelling_the_wait_for_text_leaves_a_stream_that_can_be_closed(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(first_delay=30)) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 1)
        asking = asyncio.create_task(session.finalise())
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(3):
            await session.close()


async def test_a_drop_is_told_by_whatever_is_asked_next(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(drop_after=3)) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 0.6)
        with pytest.raises(ProviderError) as raised:
            await _listen_on(session)
        assert raised.value.retryable
        with pytest.raises(ProviderError):
            await session.feed(bytes(960))
        with pytest.raises(ProviderError):
            await session.finalise()
        assert session.usage.audio_seconds > 0
        await session.close()


async def test_after_a_drop_another_stream_can_be_opened(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(drop_after=3, drop_once=True)) as server:
        recogniser = vendor.make(server.url)
        broken = await recogniser.open(8000)
        await _say(broken, 0.6)
        with pytest.raises(ProviderError):
            await broken.finalise()
        await broken.close()
        session = await recogniser.open(8000)
        await _say(session, 1)
        assert await session.finalise() == "hello there"
        await session.close()


async def test_text_of_an_earlier_part_of_an_utterance_is_not_all_of_it() -> None:
    """A short pause ends a segment of Gladia's; its text may come when the next one is over already."""
    vendor = RECOGNISERS["gladia"]
    async with vendor.fake(Trouble(first_delay=0.3), utterances=["I would like", "to book"]) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 0.6)
        await session.feed(bytes(int(0.1 * 8000) * 2))
        await asyncio.sleep(0.2)
        await _say(session, 0.6)
        assert await session.finalise() == "I would like to book"
        await session.close()


async def test_a_server_that_takes_the_connection_and_says_nothing_may_be_tried_again(
    vendor: RecogniserVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adapter in (deepgram, elevenlabs, gladia, google, mistral):
        monkeypatch.setattr(adapter, "CONNECT_SECONDS", 0.3)
    open_connections: set[asyncio.StreamWriter] = set()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        open_connections.discard(writer)
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        recogniser = vendor.make(f"http://127.0.0.1:{port}")
        with pytest.raises(ProviderError) as raised:
            async with asyncio.timeout(4.5):  # less than usual
                await recogniser.open(8000)
        assert raised.value.retryable
        if vendor is not RECOGNISERS["google"]:  # gRPC gives up a handshake in its own time
            await _until(lambda: not open_connections)
        for writer in open_connections:
            writer.transport.abort()


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_session_that_is_told_of_too_late_is_closed(hangs_up: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mistral's SDK loses the websocket when its handshake is cancelled."""
    vendor = RECOGNISERS["mistral"]
    async with FakeVoxtral() as server:
        server.greeting_delay = 1.0
        recogniser = vendor.make(server.url)
        if not hangs_up:
            monkeypatch.setattr(mistral, "CONNECT_SECONDS", 0.3)
        opening = asyncio.create_task(recogniser.open(8000))
        await _until(lambda: server.open_connections == 1)
        if hangs_up:
            opening.cancel()
        with pytest.raises(asyncio.CancelledError if hangs_up else ProviderError):
            await opening
        await _until(lambda: server.open_connections == 0)


@pytest.mark.parametrize("name", sorted(RECOGNISERS.keys() - {"google"}))  # that one refuses with the first answer
async def test_a_connection_that_is_refused_leaves_nothing_running(name: str) -> None:
    vendor = RECOGNISERS[name]
    async with vendor.fake() as server:
        recogniser = vendor.make(server.url, BAD_KEY)
        before = _tasks()
        with pytest.raises(BadKeyError):
            await recogniser.open(8000)
        await _until(lambda: _tasks() <= before)


@pytest.mark.parametrize("name", ["mistral", "google"])
async def test_an_utterance_longer_than_a_stream_goes_on_in_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = RECOGNISERS[name]
    async with vendor.fake(utterances=["I would like", "to book"]) as server:
        session = await vendor.make(server.url).open(8000)
        await _say(session, 0.6)
        monkeypatch.setattr(utterances, "_LONGEST_SECONDS", 0.0)
        await _say(session, 0.06)
        await _until(lambda: server.connections == 2 and server.open_connections == 1)
        assert await session.finalise() == "I would like to book"
        await session.close()
        assert server.connections == 2
        assert session.usage.audio_seconds == 0.66


@pytest.mark.parametrize("name", ["mistral", "google"])
async def test_a_stream_without_audio_for_a_while_keeps_what_it_heard(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line on hold brings no audio at all."""
    vendor = RECOGNISERS[name]
    monkeypatch.setattr(utterances, "_IDLE_SECONDS", 0.2)
    async with vendor.fake(utterances=["I would like", "to book"]) as server:
        server.patience = 1.0
        session = await vendor.make(server.url).open(8000)
        await _say(session, 0.6)
        await _until(lambda: server.open_connections == 0)
        await asyncio.sleep(1.2)
        await _say(session, 0.6)
        assert await session.finalise() == "I would like to book"
        await session.close()
        assert server.connections == 2


@pytest.mark.parametrize("name", ["mistral", "google"])
async def test_a_stream_that_ended_for_want_of_audio_is_replaced_when_some_comes(name: str) -> None:
    vendor = RECOGNISERS[name]
    async with vendor.fake() as server:
        server.patience = 0.05
        session = await vendor.make(server.url).open(8000)
        await _until(lambda: server.connections == 1 and server.open_connections == 0)
        await asyncio.sleep(0.1)
        assert await session.finalise() == ""
        server.patience = None
        await _say(session, 1)
        assert await session.finalise() == "hello there"
        assert server.connections == 2
        await session.close()


@pytest.mark.parametrize("name", ["mistral", "google"])
async def test_a_stream_that_ended_for_want_of_audio_leaves_nothing_running(name: str) -> None:
    vendor = RECOGNISERS[name]
    async with vendor.fake() as server:
        server.patience = 0.05
        before = _tasks()
        session = await vendor.make(server.url).open(8000)
        await _until(lambda: server.connections == 1 and server.open_connections == 0)
        await asyncio.sleep(0.1)
        await session.close()
        await _until(lambda: _tasks() <= before)


def _tasks() -> set[asyncio.Task[object]]:
    """What runs, but for what the stand-in of a gRPC service does on the same loop."""
    return {task for task in asyncio.all_tasks() if "AioServer" not in repr(task)}


async def _unanswered_twice(session: RecognitionSession) -> None:
    for _ in range(2):
        await _say(session, 1)
        assert await session.finalise() == ""


async def _listen_on(session: RecognitionSession) -> None:
    async with aclosing(session.transcripts()) as transcripts:
        async for _ in transcripts:
            pass


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
