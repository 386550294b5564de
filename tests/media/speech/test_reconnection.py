"""A conversation's recogniser over each vendor's protocol: a connection cut in mid-utterance costs no word."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from media.conversation.context import Context
from media.conversation.events import RecogniserFailed, UtteranceRecognised
from media.conversation.figures import CallFigures
from media.conversation.recognition import Recognition
from media.speech.interfaces import BadKeyError
from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.server import BAD_KEY, GOOD_KEY, Trouble
from tests.media.speech.recognisers import RECOGNISERS, RecogniserVendor, speech

RATE = 8000


class Talk:
    """The part of a conversation that a recogniser sees."""

    def __init__(self, vendor: RecogniserVendor, server: FakeRecogniser, key: str = GOOD_KEY) -> None:
        self.events: list[Any] = []
        self.figures = CallFigures()
        self.tasks: list[asyncio.Future[None]] = []
        context = SimpleNamespace(figures=self.figures, post=self.events.append, spawn=self._spawn)
        self.recognition = Recognition(vendor.make(server.url, key), RATE, cast(Context, context))
        self._spawn(self.recognition.run())

    def _spawn(self, work: Any) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def say(self, seconds: float) -> None:
        pcm, size = speech(seconds, RATE), int(0.02 * RATE) * 2
        for at in range(0, len(pcm), size):
            self.recognition.feed(pcm[at : at + size])
            await asyncio.sleep(0.005)

    async def told(self, kind: type[Any]) -> Any:
        async with asyncio.timeout(10):
            while not (found := [event for event in self.events if isinstance(event, kind)]):
                await asyncio.sleep(0.01)
        return found[0]

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture(params=RECOGNISERS, ids=str)
def vendor(request: pytest.FixtureRequest) -> RecogniserVendor:
    return RECOGNISERS[request.param]


async def test_a_cut_connection_is_opened_again_and_hears_the_whole_utterance(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(drop_after=5, drop_once=True), utterances=["I would like to book"]) as server:
        talk = Talk(vendor, server)
        await talk.say(1.2)
        talk.recognition.finalise()
        told = await talk.told(UtteranceRecognised)
        usage = talk.recognition.usage
        await talk.end()
    assert told.text == "I would like to book"
    assert server.connections == 2
    # what the first connection heard before it was cut came again
    assert server.audio_bytes >= len(speech(1.2)) + len(speech(0.3))
    assert usage.audio_seconds >= 1.5
    assert talk.figures.provider_retries == 1
    assert not [event for event in talk.events if isinstance(event, RecogniserFailed)]


async def test_a_connection_cut_again_at_once_is_given_up(vendor: RecogniserVendor) -> None:
    async with vendor.fake(Trouble(drop_after=0)) as server:
        talk = Talk(vendor, server)
        await talk.say(0.6)
        failed = await talk.told(RecogniserFailed)
        await talk.end()
    assert failed.error.retryable
    assert talk.figures.provider_retries == 1


async def test_a_bad_key_is_not_tried_again(vendor: RecogniserVendor) -> None:
    async with vendor.fake() as server:
        talk = Talk(vendor, server, BAD_KEY)
        await talk.say(0.3)
        failed = await talk.told(RecogniserFailed)
        await talk.end()
    assert isinstance(failed.error, BadKeyError)
    assert talk.figures.provider_retries == 0
