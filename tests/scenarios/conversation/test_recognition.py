"""A recogniser whose connection breaks in mid-call is opened again, and hears what it has not answered for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.conversation import recognition
from media.conversation.context import Context
from media.conversation.events import RecogniserFailed, UtteranceRecognised
from media.conversation.figures import CallFigures
from media.conversation.recognition import Recognition
from media.speech.fallback.chain import Chain
from media.speech.fallback.recogniser import FallbackRecogniser
from media.speech.interfaces import ProviderError, ProviderUsage, Recogniser, Transcript
from tests.virtual_time import run_virtual

RATE = 8000
LOST = ProviderError("stt", "the connection broke", retryable=True)


class Stream:
    """Keeps what it hears; its text is how many pieces of 60 ms that were."""

    def __init__(self) -> None:
        self.heard = b""
        self.closed = False
        self._out: asyncio.Queue[Transcript | ProviderError] = asyncio.Queue()

    async def feed(self, pcm: bytes) -> None:
        self.heard += pcm

    async def finalise(self) -> str:
        return f"{len(self.heard)} bytes"

    async def transcripts(self) -> AsyncIterator[Transcript]:
        while True:
            entry = await self._out.get()
            if isinstance(entry, ProviderError):
                raise entry
            yield entry

    def say(self, entry: Transcript | ProviderError) -> None:
        self._out.put_nowait(entry)

    @property
    def usage(self) -> ProviderUsage:
        return ProviderUsage(audio_seconds=len(self.heard) / RATE / 2, cost_usd=0.5)

    async def close(self) -> None:
        self.closed = True


class Stalled(Stream):
    """Takes audio, and answers neither the end of an utterance nor a goodbye."""

    async def finalise(self) -> str:
        await asyncio.sleep(1e6)
        return ""

    async def close(self) -> None:
        await asyncio.sleep(1e6)


class SlowToFail(Stream):
    """Breaks when it was asked, and is not done with that before its own goodbye has hung."""

    async def finalise(self) -> str:
        try:
            await asyncio.sleep(4)
            self.say(LOST)
        finally:
            await asyncio.sleep(2)
        raise LOST


class Deaf(Stream):
    """Finds nothing in the first utterance, and is known to be dead at the second."""

    asked = False

    async def finalise(self) -> str:
        if self.asked:
            raise LOST
        self.asked = True
        return ""


class Line:
    """A recogniser with the streams it opened, and what the conversation was told."""

    def __init__(self, *streams: type[Stream], fallback: "Line | None" = None) -> None:
        self._kinds = iter(streams)
        self.streams: list[Stream] = []
        self.events: list[Any] = []
        self.figures = CallFigures()
        self.spawned: list[asyncio.Task[None]] = []
        context = SimpleNamespace(figures=self.figures, post=self.events.append, spawn=self._spawn)
        recogniser: Recogniser = self if fallback is None else self._followed_by(fallback)
        self.recognition = Recognition(recogniser, RATE, cast(Context, context))

    def _followed_by(self, fallback: "Line") -> FallbackRecogniser:
        async def first() -> Recogniser:
            return self

        async def second() -> Recogniser:
            return fallback

        return FallbackRecogniser(Chain([first, second], self.figures))

    def _spawn(self, work: Any) -> None:
        self.spawned.append(asyncio.ensure_future(work))

    async def open(self, sample_rate: int) -> Stream:
        assert sample_rate == RATE
        self.streams.append(next(self._kinds, Stream)())
        return self.streams[-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(200):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError(condition)


def piece(number: int) -> bytes:
    return bytes([number]) * int(0.06 * RATE) * 2


async def test_what_was_said_since_the_last_text_is_heard_again_by_the_next_stream() -> None:
    line = Line()
    running = asyncio.create_task(line.recognition.run())
    await line.until(lambda: len(line.streams) == 1)
    line.recognition.feed(piece(1))
    await line.until(lambda: line.streams[0].heard == piece(1))
    line.recognition.finalise()
    await line.until(lambda: line.events != [])
    line.recognition.feed(piece(2))
    line.recognition.feed(piece(3))
    await line.until(lambda: line.streams[0].heard == piece(1) + piece(2) + piece(3))
    line.streams[0].say(LOST)
    await line.until(lambda: len(line.streams) == 2)
    line.recognition.feed(piece(4))
    await line.until(lambda: line.streams[1].heard == piece(2) + piece(3) + piece(4))
    line.recognition.finalise()
    await line.until(lambda: len(line.events) == 2)
    assert line.events == [UtteranceRecognised(f"{len(piece(1))} bytes"), UtteranceRecognised(f"{3 * 960} bytes")]
    assert line.streams[0].closed
    assert line.figures.provider_retries == 1
    assert line.recognition.usage.cost_usd == 1.0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert line.streams[1].closed


async def test_the_audio_is_sent_again_without_waiting_for_more() -> None:
    line = Line()
    running = asyncio.create_task(line.recognition.run())
    await line.until(lambda: len(line.streams) == 1)
    line.recognition.feed(piece(1))
    await line.until(lambda: line.streams[0].heard == piece(1))
    line.streams[0].say(LOST)
    await line.until(lambda: len(line.streams) == 2 and line.streams[1].heard == piece(1))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_words_confirmed_before_the_break_are_not_counted_twice() -> None:
    line = Line()
    running = asyncio.create_task(line.recognition.run())
    await line.until(lambda: len(line.streams) == 1)
    line.streams[0].say(Transcript("I want", final=True))
    await line.until(lambda: len(line.events) == 1)
    line.streams[0].say(LOST)
    await line.until(lambda: len(line.streams) == 2)
    line.streams[1].say(Transcript("I want to book", final=False))
    await line.until(lambda: len(line.events) == 2)
    assert [event.text for event in line.events] == ["I want", "I want to book"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_audio_kept_is_bounded() -> None:
    line = Line()
    running = asyncio.create_task(line.recognition.run())
    await line.until(lambda: len(line.streams) == 1)
    for number in range(600):  # 36 s
        line.recognition.feed(piece(number % 256))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await line.until(lambda: len(line.streams[0].heard) == 600 * 960)
    line.streams[0].say(LOST)
    await line.until(lambda: len(line.streams) == 2 and line.streams[1].heard != b"")
    kept = int(recognition._REPLAY_SECONDS * RATE) * 2
    assert line.streams[1].heard == line.streams[0].heard[-kept:]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_second_break_before_any_text_ends_it() -> None:
    line = Line()
    running = asyncio.create_task(line.recognition.run())
    for number in range(2):
        await line.until(lambda wanted=number + 1: len(line.streams) == wanted)  # type: ignore[misc]
        await asyncio.sleep(0)
        line.streams[number].say(LOST)
    await running
    assert line.events == [RecogniserFailed(LOST)]
    assert line.figures.provider_retries == 1


async def _told(line: Line) -> tuple[str, float]:
    """The text of five pieces, whose end is asked after the third, and when it came."""
    running = asyncio.create_task(line.recognition.run())
    for number in range(1, 6):
        line.recognition.feed(piece(number))
        await asyncio.sleep(0.06)
        if number == 3:
            line.recognition.finalise()
    while not line.events:
        await asyncio.sleep(0.01)
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(20)  # what is stale by now breaks nothing
    for task in (running, *line.spawned):
        task.cancel()
    await asyncio.wait([running, *line.spawned], timeout=1)
    (told,) = line.events
    assert isinstance(told, UtteranceRecognised)
    return told.text, now


@pytest.mark.parametrize("stalling", [Stalled, SlowToFail])
def test_a_stream_that_hangs_costs_no_word_and_only_itself(stalling: type[Stream]) -> None:
    async def play() -> None:
        line = Line(stalling)
        text, told_at = await _told(line)
        everything = b"".join(piece(number) for number in range(1, 6))
        assert text == f"{len(everything)} bytes"
        assert [stream.heard for stream in line.streams[1:]] == [everything]
        assert told_at <= recognition.FINALISE_TIMEOUT_SECONDS + 0.5

    run_virtual(play())


async def test_what_nothing_was_found_in_is_heard_again_by_the_next_stream() -> None:
    line = Line(Deaf)
    running = asyncio.create_task(line.recognition.run())
    for number in (1, 2):
        line.recognition.feed(piece(number))
        line.recognition.finalise()
        await line.until(lambda wanted=number: len(line.events) == wanted)  # type: ignore[misc]
    assert line.streams[1].heard == piece(1) + piece(2)
    assert line.events == [UtteranceRecognised(""), UtteranceRecognised(f"{2 * 960} bytes")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_fallback_gets_to_answer_for_one_that_hangs_twice() -> None:
    async def play() -> None:
        fallback = Line()
        line = Line(Stalled, Stalled, fallback=fallback)
        text, told_at = await _told(line)
        assert text == f"{5 * len(piece(1))} bytes"
        assert told_at < recognition.FINALISE_TIMEOUT_SECONDS
        assert (len(line.streams), len(fallback.streams)) == (2, 1)

    run_virtual(play())
