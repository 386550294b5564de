"""Whole calls in virtual time with providers behind the chosen ones: one retry, then the next, then an apology."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from media.calls.setup import SessionServices
from media.conversation.figures import CallFigures
from media.conversation.settings import ConversationSettings
from media.speech.fallback import opener as openers
from media.speech.fallback.chain import Chain
from media.speech.fallback.model import FallbackModel
from media.speech.fallback.recogniser import FallbackRecogniser
from media.speech.fallback.voice import FallbackVoice
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    Progress,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from sovereign.calls.model import EndReason
from sovereign.catalog.fallbacks import parse_fallbacks
from tests.scenarios.conversation import world as worlds
from tests.scenarios.conversation.world import RATE, Turn, World, play, says

ASK = says(1.0, "what are your hours")
HOURS = "We are open from nine to five."
APOLOGY = "Sorry."


def opening(*providers: Any) -> list[Callable[[], Any]]:
    """Openers of what is there already; an error is raised instead."""

    def opener(provider: Any) -> Callable[[], Any]:
        async def open_it() -> Any:
            if isinstance(provider, ProviderError):
                raise provider
            return provider

        return open_it

    return [opener(provider) for provider in providers]


@dataclass
class Answers:
    """A second model: the given text, then the given tool calls."""

    text: str = "nine to five."
    calls: Sequence[ToolCall] = ()
    hangs: bool = False
    at_work: int = 0
    """Seconds of progress before the answer."""
    requests: list[list[ChatMessage]] = field(default_factory=list)
    closed: bool = False

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        self.requests.append(list(messages))
        await asyncio.sleep(1e9 if self.hangs else 0.1)
        for _ in range(self.at_work):
            yield Progress()
            await asyncio.sleep(1.0)
        if self.text:
            yield TextDelta(self.text)
        for call in self.calls:
            yield call
        yield ChatFinished(ProviderUsage(input_tokens=7, output_tokens=3, cost_usd=0.002))

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def with_fallbacks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    """Plays a world whose providers have others behind them, `None` leaving a kind as it is."""

    def run(world: World, *, models: Any = None, voices: Any = None, recognisers: Any = None) -> World:
        def services(**given: Any) -> SessionServices:
            figures = CallFigures()
            if models is not None:
                given["model"] = FallbackModel(Chain(opening(given["model"], *models), figures))
            if voices is not None:
                chain = Chain(opening(given["synthesiser"], *voices), figures)
                given["synthesiser"] = FallbackVoice(chain, RATE)
            if recognisers is not None:
                others = [recogniser(world) for recogniser in recognisers]
                given["recogniser"] = FallbackRecogniser(Chain(opening(given["recogniser"], *others), figures))
            return SessionServices(**given, figures=figures)

        monkeypatch.setattr(worlds, "SessionServices", services)
        return play(world)

    return run


Run = Callable[..., World]


def world_with(**changes: Any) -> World:
    script: dict[str, Any] = {
        "timeline": [ASK],
        "answers": [HOURS],
        "settings": ConversationSettings(apology=APOLOGY),
        "hangs_up_at": 40.0,
    }
    return World(**(script | changes))


def test_a_model_is_asked_twice_and_then_the_next(with_fallbacks: Run) -> None:
    spare = Answers(HOURS)
    world = with_fallbacks(world_with(answers=[Turn("", fails_after=0)]), models=[spare])
    assert (len(world.model.requests), len(spare.requests)) == (2, 1)
    assert world.said() == [("user", "what are your hours"), ("assistant", HOURS)]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.error == "llm: connection lost"
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 2
    assert world.outcome.cost == pytest.approx(0.002)
    assert world.model.closed
    assert spare.closed


def test_a_model_that_only_stumbles_is_kept(with_fallbacks: Run) -> None:
    spare = Answers()
    world = with_fallbacks(world_with(answers=[Turn("", fails_after=0), HOURS]), models=[spare])
    assert world.said()[-1] == ("assistant", HOURS)
    assert spare.requests == []


def test_a_key_that_is_refused_goes_to_the_next_at_once(with_fallbacks: Run) -> None:
    spare = Answers(HOURS)
    world = with_fallbacks(world_with(answers=[Turn("", fails_after=0, retryable=False)]), models=[spare])
    assert (len(world.model.requests), len(spare.requests)) == (1, 1)
    assert world.said()[-1] == ("assistant", HOURS)


def test_the_next_model_goes_on_after_the_last_word_and_repeats_nothing(with_fallbacks: Run) -> None:
    spare = Answers("nine to five.")
    broken = [Turn(HOURS, fails_after=3), Turn("from", fails_after=1)]
    world = with_fallbacks(world_with(answers=broken), models=[spare])
    assert world.said()[-1] == ("assistant", HOURS)
    assert "".join(world.synthesiser.spoken) == HOURS
    [request] = spare.requests
    assert (request[-2].role, request[-2].content) == ("assistant", "We are open from")
    assert request[-1].role == "system"


def test_the_next_model_stays_for_the_rest_of_the_call(with_fallbacks: Run) -> None:
    spare = Answers(HOURS)
    timeline = [ASK, says(12.0, "and on Sunday")]
    world = with_fallbacks(world_with(timeline=timeline, answers=[Turn("", fails_after=0)]), models=[spare])
    assert (len(world.model.requests), len(spare.requests)) == (2, 2)


def test_a_model_that_hangs_is_left_behind_within_the_answer(with_fallbacks: Run) -> None:
    world = with_fallbacks(world_with(answers=[Turn(HOURS, hangs=True)]), models=[Answers(HOURS)])
    assert world.said()[-1] == ("assistant", HOURS)
    assert world.starts(HOURS) < ASK.end + 1.2 + 2 * 3.0 + 0.5
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_a_model_at_work_on_what_is_not_heard_is_waited_for(with_fallbacks: Run) -> None:
    at_work, spare = Answers(HOURS, at_work=12), Answers("Never.")
    world = with_fallbacks(world_with(answers=[Turn("", fails_after=0, retryable=False)]), models=[at_work, spare])
    assert world.said()[-1] == ("assistant", HOURS)
    assert (len(at_work.requests), len(spare.requests)) == (1, 0)


def test_when_all_models_fail_the_call_ends_with_an_apology(with_fallbacks: Run) -> None:
    missing = ProviderError("xai", "no key is configured", retryable=False)
    world = with_fallbacks(world_with(answers=[Turn("", fails_after=0)]), models=[missing])
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.said()[-1] == ("assistant", APOLOGY)
    assert world.outcome.error == "llm: connection lost; xai: no key is configured"


class OtherVoice:
    """A voice of another pace and rate: constant sound, 0.1 s a character."""

    sample_rate = 24_000

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.closed = False

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        self.spoken.append(text)
        await asyncio.sleep(0.05)
        for _ in range(len(text)):
            yield np.full(2400, 77, "<i2").tobytes()

    @property
    def usage(self) -> ProviderUsage:
        return ProviderUsage(characters=sum(map(len, self.spoken)), cost_usd=0.01 * len(self.spoken))

    async def close(self) -> None:
        self.closed = True


def test_a_voice_that_fails_twice_is_followed_by_the_next(with_fallbacks: Run) -> None:
    spare = OtherVoice()
    world = with_fallbacks(world_with(tts_fails=lambda text, attempt, at: True), voices=[spare])
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.synthesiser.spoken == [HOURS, HOURS]
    assert spare.spoken == [HOURS]
    assert world.said()[-1] == ("assistant", HOURS)
    assert world.outcome.cost == pytest.approx(0.001 + 0.01)
    assert spare.closed


def test_the_next_voice_leaves_out_what_was_spoken(with_fallbacks: Run) -> None:
    spare = OtherVoice()
    world = with_fallbacks(world_with(tts_fails=lambda text, attempt, at: at >= 0.7), voices=[spare])
    begins, ends = world.log.times("agent speaks 1")[0], world.log.times("agent silent")[-1]
    assert ends - begins == pytest.approx(len(HOURS) * 0.1, abs=0.05)


def test_when_all_voices_fail_the_call_ends(with_fallbacks: Run) -> None:
    missing = ProviderError("inworld", "no key is configured", retryable=False)
    world = with_fallbacks(world_with(tts_fails=lambda text, attempt, at: True), voices=[missing])
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.outcome.error == "tts: connection lost; inworld: no key is configured"


class Steady(worlds.ScriptedRecogniser):
    """Never breaks."""

    async def open(self, sample_rate: int) -> worlds.ScriptedRecognition:
        return worlds.ScriptedRecognition(self.world, breaks=False)


def test_a_recogniser_that_breaks_again_and_again_is_followed_by_the_next(with_fallbacks: Run) -> None:
    world = world_with(stt_breaks=frozenset([1, 2]))
    world = with_fallbacks(world, recognisers=[Steady])
    assert world.recogniser.opened == 2
    assert world.said() == [("user", "what are your hours"), ("assistant", HOURS)]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.error == "stt: connection lost"


def test_a_recogniser_that_cannot_be_opened_is_followed_by_the_next(with_fallbacks: Run) -> None:
    world = world_with(stt_open_fails=frozenset([1, 2]))
    world = with_fallbacks(world, recognisers=[Steady])
    assert world.said() == [("user", "what are your hours"), ("assistant", HOURS)]


def test_when_all_recognisers_fail_the_call_ends_with_an_apology(with_fallbacks: Run) -> None:
    missing = ProviderError("gladia", "no key is configured", retryable=False)
    world = with_fallbacks(world_with(stt_breaks=frozenset(range(1, 9))), recognisers=[lambda _: missing])
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.said() == [("assistant", APOLOGY)]
    assert "gladia: no key is configured" in (world.outcome.error or "")


class Opened:
    """Opens anything and remembers what."""

    def __init__(self) -> None:
        self.configs: list[Any] = []

    async def chat_model(self, config: Any) -> Any:
        self.configs.append(config)
        return Answers()

    async def synthesiser(self, config: Any) -> Any:
        return OtherVoice()

    async def recogniser(self, config: Any) -> Any:
        return object()


async def test_only_what_has_fallbacks_is_wrapped_and_only_the_first_is_opened() -> None:
    fallbacks = parse_fallbacks('{"llm": [{"provider": "xai", "model": "grok-4.3"}]}')
    plain = Opened()
    opener = openers.FallbackOpener(plain, fallbacks, CallFigures())
    assert isinstance(await opener.chat_model(fallbacks.llm[0]), FallbackModel)
    assert isinstance(await opener.synthesiser(None), OtherVoice)  # type: ignore[arg-type]
    assert plain.configs == [fallbacks.llm[0]]


class BreaksAfterItsTool(Answers):
    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        yield ToolCall("c1", "book", {})
        raise ProviderError("llm", "connection lost", retryable=False)


async def test_tools_of_an_answer_that_broke_are_not_run() -> None:
    spare = Answers("", [ToolCall("c2", "book", {})])
    model = FallbackModel(Chain(opening(BreaksAfterItsTool(), spare), CallFigures()))
    events = [event async for event in model.stream([ChatMessage("user", "book it")], [])]
    assert [event for event in events if isinstance(event, ToolCall)] == [ToolCall("c2", "book", {})]
    assert isinstance(events[-1], ChatFinished)
