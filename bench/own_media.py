"""Our media path with stand-in providers of known delay: the real endpoint, poller, VAD worker and CallSession.

Answers every call on `--port`. The recogniser takes `--recognition` of the `--reply-after` seconds, the synthesiser the
rest; the reply is `--reply-seconds` of tone. With `--echo` it sends back what it hears instead: the bare path. Prints a
JSON line of figures every two seconds.
"""

import argparse
import asyncio
import gc
import json
import resource
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

import numpy as np

from infra.embedded.settings import embedded_settings
from media.audio.vad import SileroWorker
from media.calls.poller import Poller
from media.calls.session import CallSession
from media.calls.setup import CallSetup, SessionServices
from media.conversation.settings import ConversationSettings
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
    Transcript,
)
from media.telephony.endpoint import EndpointConfig, Invite, SipEndpoint
from media.telephony.leg import CallLeg, LegClosed
from sovereign.calls.model import CallRef
from sovereign.catalog.tools import WebhookTool

RATE = 8000
TONE = (np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) * 8000).astype("<i2").tobytes()
NOTHING_USED = ProviderUsage(cost_usd=0.0)


class StandInRecogniser:
    """Hears the same words in every utterance, a known time after it ended."""

    usage = NOTHING_USED

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._closed = asyncio.Event()

    async def open(self, sample_rate: int) -> "StandInRecogniser":
        """A session; the rate does not matter."""
        return StandInRecogniser(self._delay)

    async def feed(self, pcm: bytes) -> None:
        """Take audio."""

    async def finalise(self) -> str:
        """The words, after the delay."""
        await asyncio.sleep(self._delay)
        return "what are your opening hours"

    async def transcripts(self) -> AsyncIterator[Transcript]:
        """No interim text."""
        await self._closed.wait()
        nothing: tuple[Transcript, ...] = ()
        for transcript in nothing:
            yield transcript

    async def close(self) -> None:
        """End the session."""
        self._closed.set()


class StandInModel:
    """Answers one short sentence at once."""

    def __init__(self, counter: dict[str, int]) -> None:
        self._counter = counter

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """The same answer every time."""
        self._counter["turns"] += 1
        yield TextDelta("We are open.")
        yield ChatFinished(NOTHING_USED)

    async def close(self) -> None:
        """Nothing to release."""


class StandInSynthesiser:
    """One second of tone, a known time after it was asked."""

    sample_rate = RATE
    usage = NOTHING_USED

    def __init__(self, delay: float, reply: bytes = TONE) -> None:
        self._delay = delay
        self._reply = reply

    async def stream(self, text: str) -> AsyncIterator[bytes]:
        """Speak."""
        await asyncio.sleep(self._delay)
        yield self._reply

    async def close(self) -> None:
        """Nothing to release."""


class NoTools:
    """These calls use none."""

    async def tool_call(self, tool: WebhookTool, call: ToolCall) -> str:
        """Never asked."""
        return ""

    def start_tool_call(self, tool: WebhookTool, call: ToolCall) -> bool:
        """Never asked."""
        return False


class Answerer:
    """Answers and converses until the caller hangs up."""

    def __init__(
        self, detector: SileroWorker, poller: Poller, recognition: float, synthesis: float, reply: bytes = TONE
    ) -> None:
        self._detector, self._poller = detector, poller
        self._recognition, self._synthesis, self._reply = recognition, synthesis, reply
        self._tasks: set[asyncio.Task[None]] = set()
        self.counter = {"calls": 0, "turns": 0}

    def on_invite(self, invite: Invite) -> None:
        """Take the call."""
        task = asyncio.create_task(self._converse(invite))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, invite: Invite) -> None:
        await invite.leg.answer()
        self.counter["calls"] += 1
        services = SessionServices(
            recogniser=StandInRecogniser(self._recognition),
            model=StandInModel(self.counter),
            synthesiser=StandInSynthesiser(self._synthesis, self._reply),
            detector=self._detector,
            poller=self._poller,
            asker=NoTools(),
            write_messages=lambda *_: None,
            route_transfer=_no_transfer,
            dial_second_leg=_no_transfer,
            mark_transferred=lambda ref, transfer: None,
        )
        setup = CallSetup(ref=CallRef("bench", invite.leg.id, 1), conversation=ConversationSettings())
        try:
            await CallSession(setup, invite.leg, services).run()
        finally:
            self.counter["calls"] -= 1


class EchoedCall:
    """A leg whose audio goes straight back, read and written by the same poller as a conversation's."""

    def __init__(self, leg: CallLeg) -> None:
        self._leg = leg

    def poll(self, now: float) -> None:
        """Send back what arrived."""
        self._leg.write(self._leg.read())

    def poll_failed(self, failure: Exception) -> None:
        """The call is over."""


class Echoer:
    """Answers and echoes: the path without a conversation."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._tasks: set[asyncio.Task[None]] = set()

    def on_invite(self, invite: Invite) -> None:
        """Take the call."""
        task = asyncio.create_task(self._echo(invite.leg))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _echo(self, leg: CallLeg) -> None:
        await leg.answer()
        call = EchoedCall(leg)
        self._poller.add(call)
        while not isinstance(await leg.events.get(), LegClosed):
            continue
        self._poller.remove(call)


async def _no_transfer(_: object) -> NoReturn:
    raise RuntimeError("the benchmark transfers nobody")


async def measure_lag(late: deque[float]) -> None:
    """Record how late a 10 ms sleep wakes, in milliseconds."""
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(0.01)
        late.append((loop.time() - before - 0.01) * 1000)


def resident_mb() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a kernel interface, not a file of ours
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


async def report(late: deque[float], counter: dict[str, int]) -> None:
    """Print the figures of every two seconds."""
    used, at = time.process_time(), time.monotonic()
    while True:
        await asyncio.sleep(2)
        cpu = 100 * (time.process_time() - used) / (time.monotonic() - at)
        used, at = time.process_time(), time.monotonic()
        figures = {"late_ms": [round(wait, 1) for wait in late], "cpu_pct": cpu, "rss_mb": resident_mb(), **counter}
        late.clear()
        sys.stdout.write(json.dumps({**figures, "at": time.time()}) + "\n")
        sys.stdout.flush()


async def main() -> None:
    """Answer calls until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rtp-ports", required=True)
    parser.add_argument("--reply-after", type=float, required=True)
    parser.add_argument("--reply-seconds", type=int, default=1)
    parser.add_argument("--recognition", type=float, default=0.3)
    parser.add_argument("--echo", action="store_true")
    arguments = parser.parse_args()
    first, last = map(int, arguments.rtp_ports.split("-"))
    detector = SileroWorker(embedded_settings().sovereign_model_cache)
    poller = Poller(detector)
    synthesis = arguments.reply_after - arguments.recognition
    answerer = Answerer(detector, poller, arguments.recognition, synthesis, TONE * arguments.reply_seconds)
    endpoint = SipEndpoint(
        EndpointConfig(host="127.0.0.1", port=arguments.port, rtp_ports=(first, last), jitter_ms=None)
    )
    await endpoint.start(Echoer(poller).on_invite if arguments.echo else answerer.on_invite)
    late: deque[float] = deque()
    gc.collect()
    gc.freeze()
    sys.stdout.write(json.dumps({"up": True}) + "\n")
    sys.stdout.flush()
    await asyncio.gather(poller.run(), measure_lag(late), report(late, answerer.counter))


if __name__ == "__main__":
    asyncio.run(main())
