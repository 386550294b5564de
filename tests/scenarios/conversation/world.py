"""A scripted world around one real CallSession: a caller with a timeline, a leg, providers and tools, in virtual time.

The caller's audio carries its script: a sample's value is 100 + the place of the sound in the timeline, so the scripted
voice detector and recogniser hear exactly what was sent and when. The agent's audio carries the sentence's number, so
the leg can tell what was audible at any moment.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from media.audio.vad import VoiceWindow
from media.calls.credit_watch import ExtendCredits
from media.calls.poller import Poller
from media.calls.session import CallSession
from media.calls.setup import CallSetup, SessionServices
from media.calls.workflow import WorkflowPlan
from media.conversation.opt_out import OptOut
from media.conversation.settings import ConversationSettings
from media.conversation.workflow.providers import NodeModels, NodeProviders, NodeVoices, Opener
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
    Transcript,
)
from media.telemetry import ReportCall
from media.telephony.addresses import TrunkRoute
from media.telephony.baresip_leg import LegRefusedError
from media.telephony.leg import CallLeg, LegClosed, LegClosedBy, LegEvent, LegStats, TransferOutcome
from media.telephony.transfer_route import SecondLeg, TransferRoute
from media.telephony.user_agents import DialRefusedError
from sovereign.calls.model import CallOutcome, CallRef, Message
from sovereign.catalog.tools import Tool, WebhookTool
from sovereign.kernel.errors import DestinationNotAllowedError
from tests.virtual_time import run_virtual

RATE = 8000
WINDOW = 256
TONE = 9999
"""What a leg notes of audio that is no scripted speech: ringing tones and beeps."""
SECONDS_A_CHARACTER = 0.05
"""The scripted synthesiser's pace."""


@dataclass(frozen=True)
class Sound:
    """Something the caller's line carries: words (in equal parts of its duration), or a noise when there are none."""

    at: float
    words: str = ""
    duration: float = 0.0
    voiced: bool = True

    @property
    def end(self) -> float:
        return self.at + (self.duration or max(0.4, 0.3 * len(self.words.split())))


def says(at: float, words: str, duration: float = 0.0) -> Sound:
    return Sound(at, words, duration)


def noise(at: float, duration: float) -> Sound:
    """A cough: the detector takes it for voice, the recogniser finds no word."""
    return Sound(at, "", duration)


@dataclass
class Turn:
    """One scripted answer of the model: text and tool calls, or a failure after some of the text."""

    text: str = ""
    calls: Sequence[ToolCall] = ()
    first_token: float = 0.1
    fails_after: int | None = None
    hangs: bool = False
    retryable: bool = True


class Log:
    """What happened and when, in milliseconds; tests compare it or look things up in it."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []

    def add(self, what: str) -> None:
        self.lines.append((round(asyncio.get_running_loop().time(), 3), what))

    def times(self, start: str) -> list[float]:
        return [at for at, what in self.lines if what.startswith(start)]

    def first(self, start: str) -> float:
        found = self.times(start)
        assert found, f"{start!r} never happened:\n{self}"
        return found[0]

    def __str__(self) -> str:
        return "\n".join(f"{at:8.3f} {what}" for at, what in self.lines)


class SecondLog(Log):
    """Notes what the second leg does among the rest."""

    def __init__(self, log: Log) -> None:
        self.lines = log.lines

    def add(self, what: str) -> None:
        super().add(f"second {what}")


class ScriptedLeg:
    """A phone line: gives the caller's timeline as PCM, plays what is written in real (virtual) time."""

    def __init__(self, timeline: Sequence[Sound], log: Log) -> None:
        self.id = "leg"
        self.sample_rate = RATE
        self.events: asyncio.Queue[LegEvent] = asyncio.Queue()
        self.timeline = timeline
        self.log = log
        self._loop = asyncio.get_running_loop()
        self._sent = 0
        self._queue: list[tuple[float, int]] = []  # (value, samples) runs not yet played
        self._played_at = self._loop.time()
        self._audible = 0
        self.hung_up = False
        self.digits: list[str] = []
        self.seconds_a_digit = 0.0
        self.transfers: list[str] = []
        self.transfer_outcome: TransferOutcome = TransferOutcome.SUCCEEDED
        self.transfer_seconds = 1.0
        self.dead = False

    async def answer(self, *, encrypted_only: bool = False) -> None: ...

    async def reject(self) -> None: ...

    def read(self) -> bytes:
        if self.dead:
            return b""
        until = int(self._loop.time() * RATE) // 160 * 160
        moments = np.arange(self._sent, until) / RATE
        self._sent = max(self._sent, until)
        values = np.zeros(moments.size, "<i2")
        for place, sound in enumerate(self.timeline):
            values[(moments >= sound.at) & (moments < sound.end)] = 100 + place
        return values.tobytes()

    def write(self, pcm: bytes) -> int:
        self._play()
        room = 2 * RATE - sum(count for _, count in self._queue)
        values = np.frombuffer(pcm, "<i2")[: max(0, room)]
        starts = np.flatnonzero(np.r_[True, np.diff(values) != 0]) if values.size else np.zeros(0, int)
        if starts.size > 20:
            values, starts = np.full_like(values, TONE), np.zeros(1, int)
        lengths = np.diff(np.r_[starts, values.size])
        self._queue += [(int(values[at]), int(count)) for at, count in zip(starts, lengths, strict=True)]
        self._play()
        return int(values.size) * 2

    def flush(self) -> int:
        self._play()
        dropped = sum(count for _, count in self._queue) * 2
        self._queue.clear()
        self._hear(0)
        self.log.add(f"flush {dropped // 2 * 1000 // RATE} ms")
        return dropped

    @property
    def queued_bytes(self) -> int:
        self._play()
        return sum(count for _, count in self._queue) * 2

    def _play(self) -> None:
        passed = round((self._loop.time() - self._played_at) * RATE)
        self._played_at += passed / RATE
        while passed > 0 and self._queue:
            value, count = self._queue[0]
            self._hear(int(value))
            step = min(passed, count)
            passed -= step
            self._queue[0] = (value, count - step)
            if count == step:
                self._queue.pop(0)
        self._hear(int(self._queue[0][0]) if self._queue else 0)

    def _hear(self, value: int) -> None:
        if value != self._audible:
            self._audible = value
            self.log.add(f"agent {'speaks ' + str(value) if value else 'silent'}")

    async def send_dtmf(self, digits: str) -> None:
        if self.dead:
            raise LegRefusedError("gone")
        await asyncio.sleep(len(digits) * self.seconds_a_digit)
        self.digits.append(digits)

    async def transfer(self, target: str, timeout_seconds: float = 30.0) -> TransferOutcome:
        self.transfers.append(target)
        self.log.add(f"refer {target}")
        await asyncio.sleep(self.transfer_seconds)
        return self.transfer_outcome

    async def hang_up(self) -> None:
        if not self.hung_up:
            self.hung_up = True
            self.log.add("hang up")

    def close(self, by: LegClosedBy = LegClosedBy.PEER) -> None:
        self.dead = True
        self.events.put_nowait(LegClosed(by))

    def stats(self) -> LegStats:
        return LegStats()


class ScriptedDetector:
    """Judges windows from the sample values themselves, `delay` seconds late."""

    def __init__(self, timeline: Sequence[Sound], delay: float = 0.0) -> None:
        self._timeline = timeline
        self._delay = delay
        self._loop = asyncio.get_running_loop()

    def open(self, sample_rate: int, deliver: Callable[[Sequence[VoiceWindow]], None]) -> "ScriptedDetector":
        self._deliver = deliver
        self._samples = np.zeros(0, "<i2")
        self._closed = False
        return self

    def push(self, pcm: bytes, arrived: float) -> None:
        self._samples = np.concatenate([self._samples, np.frombuffer(pcm, "<i2")])
        windows = []
        while self._samples.size >= WINDOW:
            window, self._samples = self._samples[:WINDOW], self._samples[WINDOW:]
            end = arrived - self._samples.size / RATE
            voiced = sum(1 for value in window if value and self._timeline[value - 100].voiced)
            windows.append(VoiceWindow(end - WINDOW / RATE, end, voiced / WINDOW))
        if windows:
            self._loop.call_later(self._delay, self._hand_over, windows)

    def _hand_over(self, windows: Sequence[VoiceWindow]) -> None:
        if not self._closed:
            self._deliver(windows)

    @property
    def backlog(self) -> float:
        return float(self._samples.size / RATE)

    def kick(self) -> None: ...

    def close(self) -> None:
        self._closed = True


class ScriptedRecogniser:
    """Hears the words of the timeline as far as their samples have been fed."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.opened = 0

    async def open(self, sample_rate: int) -> "ScriptedRecognition":
        self.opened += 1
        if self.opened in self.world.stt_open_fails:
            raise ProviderError("stt", "no connection", retryable=True)
        return ScriptedRecognition(self.world, breaks=self.opened in self.world.stt_breaks)


class ScriptedRecognition:
    def __init__(self, world: "World", *, breaks: bool) -> None:
        self.world = world
        self._breaks = breaks
        self._heard: dict[int, int] = {}
        self._told = ""
        self._out: asyncio.Queue[Transcript | ProviderError | None] = asyncio.Queue()
        self._seconds = 0.0

    async def feed(self, pcm: bytes) -> None:
        values = np.frombuffer(pcm, "<i2")
        self._seconds += values.size / RATE
        for place in np.unique(values[values >= 100]) - 100:
            self._heard[int(place)] = self._heard.get(int(place), 0) + int((values == place + 100).sum())
        if self._breaks and self._heard:
            self._out.put_nowait(ProviderError("stt", "connection lost", retryable=True))
            self._breaks = False
        if self.world.interim and (text := self._text()) and text != self._told:
            self._told = text
            self._out.put_nowait(Transcript(text, final=False))

    def _text(self) -> str:
        words: list[str] = []
        for place, count in self._heard.items():
            sound = self.world.timeline[place]
            share = count / RATE / (sound.end - sound.at)
            words += sound.words.split()[: round(len(sound.words.split()) * min(1.0, share + 0.1))]
        return " ".join(words)

    async def finalise(self) -> str:
        text, self._told = self._text(), ""
        self._heard.clear()
        await asyncio.sleep(self.world.stt_delay)
        if text:
            self._out.put_nowait(Transcript(text, final=True))
        return text

    async def transcripts(self) -> AsyncIterator[Transcript]:
        while (entry := await self._out.get()) is not None:
            if isinstance(entry, ProviderError):
                raise entry
            yield entry

    @property
    def usage(self) -> ProviderUsage:
        return ProviderUsage(audio_seconds=round(self._seconds, 2), cost_usd=0.0)

    async def close(self) -> None:
        self._out.put_nowait(None)


class ScriptedModel:
    """Gives the scripted answers in the order in which requests come; keeps the requests."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.requests: list[list[ChatMessage]] = []
        self.offered: list[list[str]] = []
        self.closed = False

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        self.requests.append(list(messages))
        self.offered.append([tool.name for tool in tools])
        turn = self.world.answer(messages)
        self.world.log.add(f"model asked {len(self.requests)}")
        try:
            await asyncio.sleep(1e9 if turn.hangs else turn.first_token)
            for place, word in enumerate(turn.text.split(" ")):
                if turn.fails_after == place:
                    raise ProviderError("llm", "connection lost", retryable=turn.retryable)
                yield TextDelta(word if place == 0 else " " + word)
                await asyncio.sleep(0.01)
            if turn.fails_after is not None and turn.fails_after >= len(turn.text.split(" ")):
                raise ProviderError("llm", "connection lost", retryable=turn.retryable)
            for call in turn.calls:
                yield call
            yield ChatFinished(ProviderUsage(input_tokens=10, output_tokens=5, cost_usd=0.001))
        except (asyncio.CancelledError, GeneratorExit):
            self.world.log.add("model cancelled")
            raise

    async def close(self) -> None:
        self.closed = True


class ScriptedSynthesiser:
    """Speaks at a fixed pace: one constant value a sentence, counted from 1 over the call."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.sample_rate = RATE
        self.spoken: list[str] = []
        self.numbers: dict[str, int] = {}
        self.closed = False

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        self.spoken.append(text)
        attempt = self.spoken.count(text)
        number = self.numbers.setdefault(text, len(self.numbers) + 1)
        await asyncio.sleep(self.world.tts_delay)
        samples = int(len(text) * SECONDS_A_CHARACTER * RATE)
        chunk = np.full(min(samples, RATE // 10), number, "<i2").tobytes()
        for at in range(0, samples, RATE // 10):
            if self.world.tts_fails(text, attempt, at / RATE):
                raise ProviderError("tts", "connection lost", retryable=True)
            yield chunk[: (samples - at) * 2]

    @property
    def usage(self) -> ProviderUsage:
        return ProviderUsage(characters=sum(map(len, self.spoken)), cost_usd=0.0)

    async def close(self) -> None:
        self.closed = True


class ScriptedTools:
    """The customer's webhook: each tool answers after its delay."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.tools: list[WebhookTool] = []
        self.started: list[str] = []

    async def tool_call(self, tool: WebhookTool, call: ToolCall) -> str:
        self.asked.append((tool.name, call.arguments))
        self.tools.append(tool)
        self.world.log.add(f"tool {tool.name}")
        delay, answer = self.world.tool_answers[tool.name]
        await asyncio.sleep(delay)
        self.world.log.add(f"tool done {tool.name}")
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer)

    def start_tool_call(self, tool: WebhookTool, call: ToolCall) -> bool:
        if self.world.has_webhook:
            self.started.append(tool.name)
        return self.world.has_webhook


class Played:
    """What both worlds do: run a session to its end while the script happens, and look at what was said."""

    timeline: Sequence[Sound]
    events: Sequence[tuple[float, LegEvent]]
    acts: Sequence[tuple[float, Callable[[Any], Awaitable[None]]]]
    hangs_up_at: float | None
    leg: ScriptedLeg
    log: Log
    transcript: list[Message]
    forbidden: frozenset[str]
    ways: str
    """Of a transfer: `refer`, `bridge`, or both."""
    second: ScriptedLeg | None
    second_says: Sequence[Sound]
    second_events: Sequence[tuple[float, LegEvent]]
    """What happens to the second leg, by the time since it was dialled."""
    dial_seconds: float
    dial_fails: bool

    async def run(self, session: CallSession, poller: Poller) -> CallOutcome:
        """The caller hangs up at the end of the script if nobody did before."""
        polling = asyncio.create_task(poller.run())
        happenings = [asyncio.create_task(self._happen(at, act)) for at, act in self._happenings()]
        try:
            self.outcome = await session.run()
        finally:
            for task in (polling, *happenings):
                task.cancel()
            failed = await asyncio.gather(*happenings, return_exceptions=True)
        defects = [f for f in failed if isinstance(f, Exception)]
        assert not defects, defects
        return self.outcome

    def _happenings(self) -> list[tuple[float, Callable[[Any], Awaitable[None]]]]:
        last = max([sound.end for sound in self.timeline], default=0.0)
        hang_up = self.hangs_up_at if self.hangs_up_at is not None else last + 15.0
        return [(hang_up, _caller_hangs_up), *((at, _send(event)) for at, event in self.events), *self.acts]

    async def _happen(self, at: float, act: Callable[[Any], Awaitable[None]]) -> None:
        await asyncio.sleep(at)
        await act(self)

    async def _route(self, destination: str) -> TransferRoute:
        if destination in self.forbidden:
            raise DestinationNotAllowedError
        second = SecondLeg(trunk=TrunkRoute(trunk_id="t", address="trunk.example"), target=destination, caller="+31")
        return TransferRoute(
            destination=destination,
            refer_to=f"sip:{destination}@trunk.example" if "refer" in self.ways else None,
            second_leg=second if "bridge" in self.ways else None,
        )

    async def _dial_second_leg(self, second: SecondLeg) -> ScriptedLeg:
        self.log.add(f"dial {second.target}")
        await asyncio.sleep(self.dial_seconds)
        if self.dial_fails:
            raise DialRefusedError("no trunk")
        leg = self.second = ScriptedLeg(self.second_says, SecondLog(self.log))
        loop = asyncio.get_running_loop()
        for at, event in self.second_events:
            loop.call_later(at, leg.events.put_nowait, event)
        return leg

    def said(self) -> list[tuple[str, str]]:
        return [(message.role, message.content) for message in self.transcript]


async def _caller_hangs_up(world: Played) -> None:
    world.leg.close()


def _send(event: LegEvent) -> Callable[[Played], Awaitable[None]]:
    async def send(world: Played) -> None:
        world.leg.events.put_nowait(event)

    return send


@dataclass
class World(Played):
    """The script. `answers` are given to the model's requests in order; after the last one it says nothing new."""

    timeline: Sequence[Sound] = ()
    answers: Sequence[Turn | str] = ()
    settings: ConversationSettings = field(default_factory=ConversationSettings)
    tools: tuple[Tool, ...] = ()
    tool_answers: Mapping[str, tuple[float, Any]] = field(default_factory=dict)
    has_webhook: bool = True
    max_duration: float = 600.0
    stt_delay: float = 0.1
    interim: bool = False
    tts_delay: float = 0.05
    vad_delay: float = 0.0
    stt_breaks: frozenset[int] = frozenset()
    stt_open_fails: frozenset[int] = frozenset()
    tts_fails: Callable[[str, int, float], bool] = lambda text, attempt, at: False
    table_fails: int = 0
    hangs_up_at: float | None = None
    events: Sequence[tuple[float, LegEvent]] = ()
    acts: Sequence[tuple[float, Callable[["World"], Awaitable[None]]]] = ()
    transfer_outcome: TransferOutcome = TransferOutcome.SUCCEEDED
    transfer_seconds: float = 1.0
    forbidden: frozenset[str] = frozenset()
    ways: str = "refer"
    second_says: Sequence[Sound] = ()
    second_events: Sequence[tuple[float, LegEvent]] = ()
    dial_seconds: float = 0.05
    dial_fails: bool = False
    predictor: Any = None
    extend_credits: ExtendCredits | None = None
    make_opt_out: Callable[[], OptOut] | None = None
    report: ReportCall | None = None
    workflow: WorkflowPlan | None = None
    opener: Callable[["World"], Opener] | None = None
    """Opens the providers of a workflow's nodes."""
    over_leg: Callable[[CallLeg], CallLeg] = lambda leg: leg
    """What lies between the session and its line."""

    def answer(self, messages: Sequence[ChatMessage]) -> Turn:
        place = min(len(self.model.requests), len(self.answers)) - 1
        turn = self.answers[place] if self.answers else Turn("Understood.")
        return Turn(turn) if isinstance(turn, str) else turn

    async def play(self) -> CallOutcome:
        """Run the call to its end (the caller hangs up at the end of the script if nobody did before)."""
        self.log = Log()
        self.leg = ScriptedLeg(self.timeline, self.log)
        self.leg.transfer_outcome, self.leg.transfer_seconds = self.transfer_outcome, self.transfer_seconds
        self.model, self.synthesiser, self.asker = ScriptedModel(self), ScriptedSynthesiser(self), ScriptedTools(self)
        self.recogniser = ScriptedRecogniser(self)
        self.transcript: list[Message] = []
        self.refused: list[str] = []
        self.second: ScriptedLeg | None = None
        self.marked: list[tuple[float, Mapping[str, Any]]] = []
        detector = ScriptedDetector(self.timeline, self.vad_delay)
        poller = Poller(detector)
        providers = self._node_providers()
        services = SessionServices(
            recogniser=self.recogniser,
            model=providers.models if providers else self.model,
            synthesiser=providers.voices if providers else self.synthesiser,
            node_providers=providers,
            detector=detector,
            poller=poller,
            asker=self.asker,
            write_messages=self._write,
            route_transfer=self._route,
            dial_second_leg=self._dial_second_leg,
            mark_transferred=lambda _, transfer: self.marked.append((self.log.lines[-1][0], dict(transfer))),
            predictor=self.predictor,
            extend_credits=self.extend_credits,
            opt_out=self.make_opt_out() if self.make_opt_out else None,
            report=self.report,
        )
        setup = CallSetup(
            ref=CallRef("org", "call-inbound-x", 1),
            conversation=self.settings,
            tools=self.tools,
            max_duration_seconds=self.max_duration,
            workflow=self.workflow,
        )
        self.session = CallSession(setup, self.over_leg(self.leg), services)
        return await self.run(self.session, poller)

    def _node_providers(self) -> NodeProviders | None:
        if self.workflow is None:
            return None
        assert self.opener
        begins = self.workflow.begins_with
        models, voices = NodeModels(begins.llm, self.model), NodeVoices(begins.tts, self.synthesiser)
        return NodeProviders(self.workflow.speech, self.opener(self), models, voices, begins.stt)

    def _write(self, ref: CallRef, number: int, messages: Sequence[Message]) -> None:
        if self.table_fails:
            self.table_fails -= 1
            raise ConnectionError("no table")
        self.transcript += messages

    # looking at what happened

    def starts(self, sentence: str) -> float:
        """When a sentence of the agent was first audible."""
        return self.log.first(f"agent speaks {self.synthesiser.numbers[sentence]}")


def play(world: World) -> World:
    """Run a world to the end of its call; afterwards it tells what happened."""
    run_virtual(world.play())
    return world
