"""A call that follows a workflow with each speech-to-speech adapter, against its vendor's stand-in, in real time."""

import asyncio
import json
from typing import Any

from media.calls.workflow import plan_workflow
from sovereign.assistants import transient
from sovereign.calls.model import EndReason
from tests.fakes.realtime import Reply
from tests.media.speech.realtime_call import Call
from tests.media.speech.realtime_vendors import VENDORS, Vendor, serve, vendor
from tests.scenarios.conversation.test_workflow_graph import graph, talk, way

__all__ = ["serve", "vendor"]

NODES = [talk("a"), talk("b", first_line="When do you come?"), {"id": "bye", "type": "end", "first_line": "Goodbye."}]
CALLS = [Reply("Sure.", [("go_to_b", {})]), Reply("", [("go_to_bye", {})])]


async def test_call_walks_from_node_to_node_to_its_end(vendor: Vendor, serve: Any) -> None:
    async with serve(replies=CALLS) as server:
        plan = plan_workflow(
            graph(NODES, [way("a", "b"), way("b", "bye")]),
            transient({"llm_config": {"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0"}}),
        )
        call = Call(vendor, server, workflow=plan)
        running = asyncio.create_task(call.run())
        await call.until_said("When do you come?")
        await call.session.command({"type": "inject-context", "content": "They go.", "trigger_response": True})
        assert (await running).end_reason is EndReason.WORKFLOW_END
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
