"""A scripted world around one CallSession whose model hears and speaks by itself, in virtual time.

The caller's line is `tests.scenarios.conversation.world`'s: a sample's value is 100 + the place of the sound in the
timeline. The agent's audio carries the number of the stretch of speech, counted from 1 over the call.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from media.calls.credit_watch import ExtendCredits
from media.calls.poller import Poller
from media.calls.session import CallSession
from media.calls.setup import CallSetup
from media.calls.workflow import WorkflowPlan
from media.conversation.opt_out import OptOut
from media.conversation.settings import ConversationSettings
from media.realtime.parts import RealtimeServices
from media.speech.interfaces import ProviderError, ProviderUsage, ToolCall, ToolSpec
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallerSpeaks,
    CallerWords,
    CallsWanted,
    SessionOverError,
    SpeechAbilities,
    SpeechEvent,
    SpeechOpening,
)
from media.telephony.leg import LegEvent, TransferOutcome
from sovereign.calls.model import CallOutcome, CallRef, Message
from sovereign.catalog.prices import Price
from sovereign.catalog.tools import Tool
from tests.scenarios.conversation.world import (
    RATE,
    SECONDS_A_CHARACTER,
    Log,
    Played,
    ScriptedDetector,
    ScriptedLeg,
    ScriptedTools,
    Sound,
)
from tests.virtual_time import run_virtual

MODEL_RATE = 8000
_CHUNK_SECONDS = 0.1
_TURN_ENDS_AFTER_SECONDS = 0.2


@dataclass(frozen=True)
class Reply:
    """One answer of the model: what it says, then the tools it calls. `cut_after`: with so many pieces of audio the
    connection breaks."""

    text: str = ""
    calls: Sequence[ToolCall] = ()
    delay: float | None = None
    cut_after: int | None = None


class ScriptedSession:
    """One connection. It makes audio five times faster than it is heard, and gives up an answer when it hears words."""

    sample_rate = MODEL_RATE

    def __init__(self, world: "RealtimeWorld", number: int, opening: SpeechOpening) -> None:
        self.world = world
        self.number = number
        self.opening = opening
        self.out: asyncio.Queue[SpeechEvent | ProviderError | None] = asyncio.Queue()
        self._answer: asyncio.Task[None] | None = None
        self._place: int | None = None
        self._quiet = 0.0
        self.seconds = 0.0
        self.spoken = 0
        if (at := world.breaks.get(number)) is not None:
            asyncio.get_running_loop().call_later(at, self._break)
        if (at := world.ends.get(number)) is not None:
            asyncio.get_running_loop().call_later(at, self._break, SessionOverError("scripted"))
        if (at := world.stalls.get(number)) is not None:
            asyncio.get_running_loop().call_later(at, self._interrupt)

    def _break(self, failure: ProviderError | None = None) -> None:
        if self._answer is not None:
            self._answer.cancel()
        self.out.put_nowait(failure or ProviderError("scripted", "the connection broke", retryable=True))

    @property
    def usage(self) -> ProviderUsage:
        return ProviderUsage(audio_seconds=round(self.seconds, 2), input_tokens=10, output_tokens=5)

    async def feed(self, pcm: bytes) -> None:
        values = np.frombuffer(pcm, "<i2")
        self.seconds += values.size / RATE
        voiced = values[values >= 100]
        if voiced.size:
            self.world.fed_voice += voiced.size / RATE
            self._quiet = 0.0
            place = int(voiced[-1]) - 100
            if place != self._place and self.world.timeline[place].words:
                self._place = place
                gives_up = self._answer is not None and not self._answer.done()
                self._interrupt()
                self.out.put_nowait(CallerSpeaks())
                if gives_up:
                    self.out.put_nowait(AgentTurnOver())
            return
        self._quiet += values.size / RATE
        if self._place is not None and self._quiet >= _TURN_ENDS_AFTER_SECONDS:
            words = self.world.timeline[self._place].words
            turn, self._place = f"caller-{self._place}", None
            self.out.put_nowait(CallerWords(turn, "", final=False))
            asyncio.get_running_loop().call_later(
                self.world.transcript_delay,
                self.out.put_nowait,
                CallerWords(turn, words, final=not self.world.words_stay_open),
            )
            self._begin(self.world.next_reply())

    def _interrupt(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.cancel()
            self.world.log.add("model gives up")

    def _begin(self, reply: Reply) -> None:
        self._interrupt()
        self._answer = asyncio.create_task(self._speak(reply))

    async def _speak(self, reply: Reply) -> None:
        if self.world.mute:
            return
        await asyncio.sleep(self.world.reply_delay if reply.delay is None else reply.delay)
        if reply.text:
            number = self.world.number_of(reply.text)
            # a vendor may use the same names on each connection
            item = f"item-{self.spoken}"
            self.spoken += 1
            samples = int(len(reply.text) * SECONDS_A_CHARACTER * MODEL_RATE)
            words = reply.text.split(" ")
            chunks = range(0, samples, int(_CHUNK_SECONDS * MODEL_RATE))
            for place, at in enumerate(chunks):
                size = min(samples - at, int(_CHUNK_SECONDS * MODEL_RATE))
                self.out.put_nowait(AgentAudio(item, np.full(size, number, "<i2").tobytes()))
                first, last = len(words) * place // len(chunks), len(words) * (place + 1) // len(chunks)
                if first < last:
                    self.out.put_nowait(AgentWords(item, (" " if first else "") + " ".join(words[first:last])))
                if place + 1 == reply.cut_after:
                    self._break()
                await asyncio.sleep(_CHUNK_SECONDS / 5)
            if self.world.pauses_late:
                await asyncio.sleep(samples / MODEL_RATE * 0.8)
            self.out.put_nowait(AgentPaused(item))
        self.out.put_nowait(CallsWanted(reply.calls) if reply.calls else AgentTurnOver())

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while (event := await self.out.get()) is not None:
            if isinstance(event, ProviderError):
                raise event
            yield event

    async def respond(self) -> None:
        self.world.asked.append(("respond", ""))
        self._begin(self.world.next_reply())

    async def speak(self, text: str, *, interruptible: bool = True) -> None:
        self.world.asked.append(("speak", text))
        self._begin(Reply(text))

    async def inform(self, text: str, *, respond: bool) -> None:
        self.world.asked.append(("inform" if respond else "context", text))
        if respond:
            self._begin(self.world.next_reply())

    async def instruct(self, instructions: str, tools: Sequence[ToolSpec]) -> None:
        assert self.world.instructable
        self.world.asked.append(("instruct", instructions))
        self.world.offered.append([tool.name for tool in tools])

    async def give_results(self, results: Sequence[tuple[ToolCall, str]], *, respond: bool = True) -> None:
        self.world.asked += [("result", f"{call.name}: {text}") for call, text in results]
        _, line, text = results[0][1].partition("and nothing else: ")
        if line:
            self._begin(Reply(text.removesuffix(")")))
        elif respond:
            self._begin(self.world.next_reply())

    async def cancel(self) -> None:
        self.world.asked.append(("cancel", ""))
        self._interrupt()

    async def heard(self, item: str, milliseconds: int) -> None:
        self.world.asked.append(("heard", f"{milliseconds}"))

    async def close(self) -> None:
        self.world.closed += 1
        if self._answer is not None:
            self._answer.cancel()
        self.out.put_nowait(None)


class ScriptedSpeechModel:
    """Opens connections; `open_fails` are the ones that do not come about."""

    def __init__(self, world: "RealtimeWorld") -> None:
        self.world = world
        self.sessions: list[ScriptedSession] = []
        self.tried = 0
        self.abilities = SpeechAbilities(
            verbatim=world.verbatim, context=world.context, instructable=world.instructable
        )

    async def open(self, sample_rate: int, opening: SpeechOpening) -> ScriptedSession:
        self.tried += 1
        self.world.log.add(f"connect {self.tried}")
        await asyncio.sleep(self.world.connect_delay)
        if (failure := self.world.open_fails.get(self.tried)) is not None:
            raise failure
        session = ScriptedSession(self.world, self.tried, opening)
        self.sessions.append(session)
        self.world.asked += [("instruct", opening.instructions)] if opening.instructions else []
        self.world.offered.append([tool.name for tool in opening.tools])
        return session


@dataclass
class RealtimeWorld(Played):
    """The script. `replies` answer the caller's turns and what the model is asked, in order; then nothing new."""

    timeline: Sequence[Sound] = ()
    replies: Sequence[Reply | str] = ()
    settings: ConversationSettings = field(default_factory=ConversationSettings)
    tools: tuple[Tool, ...] = ()
    tool_answers: Mapping[str, tuple[float, Any]] = field(default_factory=dict)
    has_webhook: bool = True
    max_duration: float = 600.0
    verbatim: bool = True
    context: bool = True
    instructable: bool = True
    workflow: WorkflowPlan | None = None
    mute: bool = False
    connect_delay: float = 0.1
    transcript_delay: float = 0.05
    words_stay_open: bool = False
    """The model tells what was said, never that it is all."""
    breaks: Mapping[int, float] = field(default_factory=dict)
    ends: Mapping[int, float] = field(default_factory=dict)
    """Seconds after which the vendor ends each connection in its ordinary course."""
    stalls: Mapping[int, float] = field(default_factory=dict)
    """Seconds after which each connection's answer stops in its midst."""
    reply_delay: float = 0.2
    pauses_late: bool = False
    """The model tells that it has said all when that must have been heard, as Gemini does."""
    open_fails: Mapping[int, ProviderError] = field(default_factory=dict)
    price: Price | None = None
    hangs_up_at: float | None = None
    events: Sequence[tuple[float, LegEvent]] = ()
    acts: Sequence[tuple[float, Callable[["RealtimeWorld"], Awaitable[None]]]] = ()
    transfer_outcome: TransferOutcome = TransferOutcome.SUCCEEDED
    transfer_seconds: float = 1.0
    forbidden: frozenset[str] = frozenset()
    ways: str = "refer"
    second_says: Sequence[Sound] = ()
    second_events: Sequence[tuple[float, LegEvent]] = ()
    dial_seconds: float = 0.05
    dial_fails: bool = False
    extend_credits: ExtendCredits | None = None
    make_opt_out: Callable[[], OptOut] | None = None

    def next_reply(self) -> Reply:
        place, self._given = self._given, self._given + 1
        reply = self.replies[place] if place < len(self.replies) else f"Understood {place}."
        return Reply(reply) if isinstance(reply, str) else reply

    def number_of(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers) + 1)

    async def play(self) -> CallOutcome:
        """Run the call to its end (the caller hangs up at the end of the script if nobody did before)."""
        self.log = Log()
        self._given = 0
        self.numbers: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []
        self.offered: list[list[str]] = []
        self.fed_voice = 0.0
        self.closed = 0
        self.transcript: list[Message] = []
        self.second = None
        self.leg = ScriptedLeg(self.timeline, self.log)
        self.leg.transfer_outcome, self.leg.transfer_seconds = self.transfer_outcome, self.transfer_seconds
        self.model = ScriptedSpeechModel(self)
        self.asker = ScriptedTools(self)  # type: ignore[arg-type]
        detector = ScriptedDetector(self.timeline)
        poller = Poller(detector)
        services = RealtimeServices(
            model=self.model,
            price=self.price,
            detector=detector,
            poller=poller,
            asker=self.asker,
            write_messages=self._write,
            route_transfer=self._route,
            dial_second_leg=self._dial_second_leg,
            mark_transferred=lambda ref, transfer: None,
            extend_credits=self.extend_credits,
            opt_out=self.make_opt_out() if self.make_opt_out else None,
        )
        setup = CallSetup(
            ref=CallRef("org", "call-inbound-x", 1),
            conversation=self.settings,
            tools=self.tools,
            max_duration_seconds=self.max_duration,
            workflow=self.workflow,
        )
        self.session = CallSession(setup, self.leg, services)
        return await self.run(self.session, poller)

    def _write(self, ref: CallRef, number: int, messages: Sequence[Message]) -> None:
        self.transcript += messages

    # looking at what happened

    def starts(self, text: str) -> float:
        """When something the agent says was first audible."""
        return self.log.first(f"agent speaks {self.numbers[text]}")


def play(world: RealtimeWorld) -> RealtimeWorld:
    """Run a world to the end of its call; afterwards it tells what happened."""
    run_virtual(world.play())
    return world
