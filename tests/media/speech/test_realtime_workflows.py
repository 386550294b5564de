"""A call that follows a workflow with each speech-to-speech adapter, against its vendor's stand-in, in real time."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from media.calls.poller import Poller
from media.calls.session import CallSession
from media.calls.setup import CallSetup
from media.calls.workflow import plan_workflow
from media.conversation.settings import ConversationSettings
from media.realtime.parts import RealtimeServices
from media.telephony.transfer_route import TransferRoute
from sovereign.assistants import transient
from sovereign.calls.model import CallRef, EndReason, Message
from tests.fakes.realtime import FakeRealtime, Reply
from tests.media.speech.realtime_vendors import VENDORS, Vendor, model_of, serve, vendor
from tests.scenarios.conversation.test_workflow_graph import graph, talk, way
from tests.scenarios.conversation.world import RATE, Log, ScriptedDetector, ScriptedLeg, ScriptedTools

__all__ = ["serve", "vendor"]

NODES = [talk("a"), talk("b", first_line="When do you come?"), {"id": "bye", "type": "end", "first_line": "Goodbye."}]
CALLS = [Reply("Sure.", [("go_to_b", {})]), Reply("", [("go_to_bye", {})])]


class Call:
    """One call on a scripted line; the model opens it."""

    def __init__(self, vendor: Vendor, server: FakeRealtime) -> None:
        self.transcript: list[Message] = []
        self.tool_answers: dict[str, Any] = {}
        self.log = Log()
        self.leg = ScriptedLeg([], self.log)
        # the loop's clock does not begin with the call here
        self.leg._sent = int(asyncio.get_running_loop().time() * RATE)
        detector = ScriptedDetector([])
        self.poller = Poller(detector)
        services = RealtimeServices(
            model=model_of(vendor, server),
            detector=detector,
            poller=self.poller,
            asker=ScriptedTools(self),  # type: ignore[arg-type]  # it uses the log and the answers
            write_messages=self._write,
            route_transfer=self._no_transfer,
            dial_second_leg=self._no_transfer,
            mark_transferred=lambda ref, transfer: None,
        )
        plan = plan_workflow(
            graph(NODES, [way("a", "b"), way("b", "bye")]),
            transient({"llm_config": {"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0"}}),
        )
        setup = CallSetup(
            ref=CallRef("org", "call-inbound-x", 1),
            conversation=ConversationSettings(first_message=None),
            max_duration_seconds=30.0,
            workflow=plan,
        )
        self.session = CallSession(setup, self.leg, services)

    async def run(self) -> EndReason:
        polling = asyncio.create_task(self.poller.run())
        try:
            return (await self.session.run()).end_reason
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


async def test_call_walks_from_node_to_node_to_its_end(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=CALLS) as server:
        call = Call(vendor, server)
        running = asyncio.create_task(call.run())
        await call.until_said("When do you come?")
        await call.session.command({"type": "inject-context", "content": "They go.", "trigger_response": True})
        assert await running is EndReason.WORKFLOW_END
        assert [message.content for message in call.transcript] == ["Sure.", "When do you come?", "Goodbye."]
        setups = [found for event in server.received if (found := event.get("setup") or event.get("session"))]
        assert [("Be a." in text, "Be b." in text) for text in map(json.dumps, setups)] == [
            (True, False),
            (False, True),
        ]
        assert "go_to_bye" in json.dumps(setups[1])
        assert 'go_to_b"' not in json.dumps(setups[1])
        assert len(server.connections) == (1 if vendor is VENDORS["xai"] else 2)
        assert server.open_connections == 0
