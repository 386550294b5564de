"""What every speech-to-speech adapter must do when its server is slow, silent or makes no sense, and when it is given
up: one suite over all of them."""

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any

import pytest

from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.realtime import google, leaving, openai_socket
from media.speech.speech_to_speech import AgentAudio, AgentTurnOver, AgentWords, CallerWords, SpeechSession
from tests.fakes.realtime import Reply
from tests.fakes.server import GOOD_KEY, tone
from tests.media.speech.realtime_vendors import OPENING, Talk, Vendor, leaving_nothing, model_of, serve, talking, vendor

__all__ = ["serve", "vendor"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (openai_socket, "_CONNECT_SECONDS"),
        (openai_socket, "_START_SECONDS"),
        (google, "_CONNECT_SECONDS"),
        (leaving, "CLOSE_SECONDS"),
    ):
        monkeypatch.setattr(module, name, 0.3)


# a server that is silent or slow


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("ignored", ["setup", "everything"])
async def test_server_that_says_nothing_is_given_up_in_time(vendor: Vendor, serve: Any, ignored: str) -> None:
    async with serve(ignores=frozenset({ignored})) as server, leaving_nothing(server):
        async with asyncio.timeout(5):
            with pytest.raises(ProviderError, match="in time") as raised:
                await model_of(vendor, server).open(8000, OPENING)
        assert raised.value.retryable
        assert raised.value.__suppress_context__


async def test_slow_server_is_waited_for(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[Reply("It is noon now.")], caller_says=["what time is it"], late=0.2) as server:  # noqa: SIM117 - too long
        async with talking(vendor, server) as talk:
            await talk.say()
            await talk.until(AgentTurnOver)
            assert "".join(event.text for event in talk.of(AgentWords)) == "It is noon now."
            kinds = [type(event) for event in talk.told]
            assert kinds.index(CallerWords) < kinds.index(AgentAudio) < kinds.index(AgentTurnOver)
            assert len(talk.of(AgentTurnOver)) == 1


# a connection that is given up


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("ignored", ["nothing", "everything"])
async def test_opening_that_is_cancelled_leaves_nothing(
    vendor: Vendor, serve: Any, ignored: str, seconds: float
) -> None:
    async with serve(ignores=frozenset({ignored}), late=0.1) as server, leaving_nothing(server):
        opening = asyncio.create_task(model_of(vendor, server).open(8000, OPENING))
        await asyncio.sleep(seconds)
        opening.cancel()
        (session,) = await asyncio.gather(opening, return_exceptions=True)
        if not isinstance(session, BaseException):
            await session.close()
        else:
            assert isinstance(session, asyncio.CancelledError)


async def test_reading_that_is_cancelled_loses_nothing_and_leaves_nothing(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=[Reply("It is noon now.")], late=0.02) as server, leaving_nothing(server):
        session = await model_of(vendor, server).open(8000, OPENING)
        first = Talk(session, 8000)
        await first.say()
        await first.until(AgentAudio)
        await first.stop_reading()
        second = Talk(session, 8000)
        await second.until(AgentTurnOver)
        words = [event.text for talk in (first, second) for event in talk.of(AgentWords)]
        assert "".join(words) == "It is noon now."
        await second.close()


@pytest.mark.parametrize("ignored", ["nothing", "closing"])
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
async def test_closing_that_is_cancelled_leaves_nothing(vendor: Vendor, serve: Any, ignored: str, steps: int) -> None:
    async with serve(ignores=frozenset({ignored})) as server, leaving_nothing(server):
        session = await model_of(vendor, server).open(8000, OPENING)
        closing = asyncio.create_task(session.close())
        for _ in range(steps):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        await session.close()


# a server that makes no sense

_NONSENSE: dict[str, str | bytes] = {
    "broken": '{"type": "response.output_audio.delta", "del',
    "not text": b"\xff\xfe\x00",
    "empty": "",
    "number": "7",
    "string": '"serverContent"',
    "list": '[{"type": "error"}]',
    "null": "null",
    "nested": "[" * 100_000,
    "unknown kind": '{"type": "session.weather", "weather": {"rain": true}}',
    "no kind": '{"sessionWeather": {"rain": true}}',
    "kind of another type": '{"type": ["error"], "serverContent": 5, "toolCall": "x", "usageMetadata": []}',
    "error of another type": '{"type": "error", "error": ["secret words"]}',
}
_ODD = base64.b64encode(tone(0.1, 8000)[:-1]).decode()
_RUBBISH: dict[str, Any] = {"no base64": "!secret!", "foreign": "\u00e9\u00e9", "number": 7, "null": None, "odd": _ODD}


@pytest.mark.parametrize("name", _NONSENSE)
async def test_message_without_sense_is_passed_over_or_may_be_tried_again(
    vendor: Vendor, serve: Any, name: str
) -> None:
    await survives(vendor, serve, _NONSENSE[name])


@pytest.mark.parametrize("name", _RUBBISH)
async def test_audio_without_sense_is_passed_over_or_may_be_tried_again(vendor: Vendor, serve: Any, name: str) -> None:
    await survives(vendor, serve, vendor.wire.audio(_RUBBISH[name]))


@pytest.mark.parametrize("figure", ["many", [], -5, float("nan"), float("inf"), pytest.param(10**400, id="huge")])
async def test_figures_without_sense_are_passed_over_or_may_be_tried_again(
    vendor: Vendor, serve: Any, figure: Any
) -> None:
    usage = await survives(vendor, serve, vendor.wire.usage(figure, figure))
    assert 0 <= usage.audio_seconds < 100
    assert usage.input_tokens in {0, 100}


async def test_text_that_is_none_is_no_text(vendor: Vendor, serve: Any) -> None:
    async with serve() as server, talking(vendor, server) as talk:
        for message in vendor.wire.no_text:
            await server.connections[-1].say(message)
        await talk.session.respond()
        await talk.until(AgentTurnOver)
        assert "None" not in "".join(event.text for event in talk.of(AgentWords) + talk.of(CallerWords))


async def test_message_of_five_megabytes_is_taken_or_may_be_tried_again(vendor: Vendor, serve: Any) -> None:
    await survives(vendor, serve, vendor.wire.audio("A" * 5_000_000))


@pytest.mark.parametrize("name", [name for name in _NONSENSE if not name.startswith("error")])
async def test_first_message_without_sense_may_be_tried_again(vendor: Vendor, serve: Any, name: str) -> None:
    async with serve(greets_with=_NONSENSE[name]) as server, leaving_nothing(server):
        opened: list[SpeechSession] = []

        async def open_it() -> None:
            opened.append(await model_of(vendor, server).open(8000, OPENING))

        may_be_tried_again(await failure_of(open_it()))
        for session in opened:
            await session.close()


async def survives(vendor: Vendor, serve: Any, message: Any) -> ProviderUsage:
    """The conversation goes on after this message, or fails as a connection may: never as a defect."""
    async with (
        serve(replies=[Reply("Here still.")]) as server,
        leaving_nothing(server),
        talking(vendor, server) as talk,
    ):
        await server.connections[-1].say(message)
        await asyncio.sleep(0.1)

        async def go_on() -> None:
            await talk.session.respond()
            await talk.until(AgentTurnOver)
            while not any("still." in event.text for event in talk.of(AgentWords)):
                await talk.until(AgentTurnOver, len(talk.of(AgentTurnOver)) + 1)

        may_be_tried_again(await failure_of(go_on()))
        return talk.session.usage


async def failure_of(work: Coroutine[Any, Any, None]) -> ProviderError | None:
    try:
        await work
    except ProviderError as failure:
        return failure
    return None


def may_be_tried_again(failure: ProviderError | None) -> None:
    if failure is not None:
        assert failure.retryable
        assert failure.__suppress_context__
        assert GOOD_KEY not in str(failure)
        assert "secret" not in str(failure)
