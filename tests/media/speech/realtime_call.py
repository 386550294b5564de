"""A call with a speech-to-speech adapter against its vendor's stand-in, in real time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from media.calls.poller import Poller
from media.calls.session import CallSession
from media.calls.setup import CallSetup
from media.calls.workflow import WorkflowPlan
from media.conversation.settings import ConversationSettings
from media.realtime.parts import RealtimeServices
from media.telephony.leg import CallLeg
from media.telephony.transfer_route import TransferRoute
from sovereign.calls.model import CallOutcome, CallRef, Message
from tests.fakes.realtime import FakeRealtime
from tests.media.speech.realtime_vendors import Vendor, model_of
from tests.scenarios.conversation.world import RATE, Log, ScriptedDetector, ScriptedLeg, ScriptedTools, Sound


class Call:
    """One call on a scripted line. What the caller says of `timeline` counts from the beginning of the call."""

    def __init__(
        self,
        vendor: Vendor,
        server: FakeRealtime,
        *,
        timeline: Sequence[Sound] = (),
        first_message: str | None = None,
        workflow: WorkflowPlan | None = None,
    ) -> None:
        self.transcript: list[Message] = []
        self.tool_answers: dict[str, Any] = {}
        self.log = Log()
        # making a key takes a moment
        model = model_of(vendor, server)
        # the loop's clock does not begin with the call here
        now = asyncio.get_running_loop().time()
        sounds = [replace(sound, at=now + sound.at) for sound in timeline]
        self.leg = ScriptedLeg(sounds, self.log)
        self.leg._sent = int(now * RATE)
        detector = ScriptedDetector(sounds)
        self.poller = Poller(detector)
        services = RealtimeServices(
            model=model,
            detector=detector,
            poller=self.poller,
            asker=ScriptedTools(self),  # type: ignore[arg-type]  # it uses the log and the answers
            write_messages=self._write,
            route_transfer=self._no_transfer,
            dial_second_leg=self._no_leg,
            mark_transferred=lambda ref, transfer: None,
        )
        setup = CallSetup(
            ref=CallRef("org", "call-inbound-x", 1),
            conversation=ConversationSettings(first_message=first_message),
            max_duration_seconds=30.0,
            workflow=workflow,
        )
        self.session = CallSession(setup, self.leg, services)

    async def run(self) -> CallOutcome:
        polling = asyncio.create_task(self.poller.run())
        try:
            return await self.session.run()
        finally:
            polling.cancel()

    async def until_said(self, line: str) -> None:
        async with asyncio.timeout(15):
            while not any(message.content == line for message in self.transcript):
                await asyncio.sleep(0.02)

    def _write(self, ref: CallRef, number: int, messages: Sequence[Message]) -> None:
        self.transcript += messages

    async def _no_transfer(self, destination: Any) -> TransferRoute:
        raise AssertionError("nobody is transferred")

    async def _no_leg(self, leg: Any) -> CallLeg:
        raise AssertionError("nobody is transferred")
