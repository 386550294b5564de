"""Tools, transfers and control commands of realtime calls."""

from collections.abc import Mapping
from typing import Any

import pytest

from media.calls.commands import CommandRefusedError
from media.conversation.settings import ConversationSettings
from media.speech.interfaces import ToolCall
from media.telephony.leg import TransferOutcome
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import EndCallTool, TransferCallTool, WebhookTool
from tests.unit.conversation.world import says
from tests.unit.realtime.world import RealtimeWorld, Reply, play

LOOKUP = WebhookTool(
    name="lookup",
    description="Looks up an order.",
    parameters={"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    message="One moment please.",
)
END_CALL = EndCallTool(type="end_call")
TRANSFER = TransferCallTool.model_validate(
    {
        "type": "transfer_call",
        "destinations": [
            {"type": "number", "number": "+31201234567", "description": "Sales", "message": "I connect you."}
        ],
    }
)


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("c1", name, arguments)


def ordering(*commands: tuple[float, Mapping[str, Any]], refused: list[str] | None = None) -> Any:
    async def order(world: RealtimeWorld, command: Mapping[str, Any]) -> None:
        try:
            await world.session.command(command)
        except CommandRefusedError as refusal:
            if refused is None:
                raise
            refused.append(refusal.code)

    return [(at, lambda world, command=command: order(world, command)) for at, command in commands]


def test_tool_call_goes_to_the_webhook_and_its_result_back_to_the_model() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "where is order seven")],
            [Reply(calls=[call("lookup", id="7")]), "It is on its way."],
            tools=(LOOKUP,),
            tool_answers={"lookup": (2.0, {"status": "sent"})},
        )
    )
    assert world.asker.asked == [("lookup", {"id": "7"})]
    assert ("speak", "One moment please.") in world.asked
    assert ("result", 'lookup: {"status": "sent"}') in world.asked
    assert world.said()[1:] == [("assistant", "One moment please."), ("assistant", "It is on its way.")]


def test_wrong_arguments_go_back_to_the_model_and_not_to_the_webhook() -> None:
    replies = [Reply(calls=[call("lookup", number=7)]), "Which order?"]
    world = play(RealtimeWorld([says(1.0, "where is it")], replies, tools=(LOOKUP,)))
    assert world.asker.asked == []
    (result,) = [text for kind, text in world.asked if kind == "result"]
    assert "invalid arguments" in result


def test_end_call_ends_after_the_goodbye_was_spoken() -> None:
    reply = Reply("Thank you, goodbye.", calls=[call("end_call")])
    world = play(RealtimeWorld([says(1.0, "that is all")], [reply], tools=(END_CALL,)))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    assert world.said()[-1] == ("assistant", "Thank you, goodbye.")
    spoken = world.starts("Thank you, goodbye.") + len("Thank you, goodbye.") * 0.05
    assert world.log.first("hang up") >= spoken


def test_end_call_message_is_spoken_last() -> None:
    settings = ConversationSettings(end_call_message="Have a nice day.")
    reply = Reply(calls=[call("end_call")])
    world = play(RealtimeWorld([says(1.0, "that is all")], [reply], settings, tools=(END_CALL,)))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    assert world.said()[-1] == ("assistant", "Have a nice day.")


def test_transfer_is_announced_and_made() -> None:
    reply = Reply(calls=[call("transfer_call")])
    world = play(RealtimeWorld([says(1.0, "sales please")], [reply], tools=(TRANSFER,)))
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.leg.transfers == ["sip:+31201234567@trunk.example"]
    assert world.starts("I connect you.") < world.log.first("refer")


def test_transfer_of_a_model_that_cannot_announce_is_made_all_the_same() -> None:
    reply = Reply(calls=[call("transfer_call")])
    world = play(RealtimeWorld([says(1.0, "sales please")], [reply], tools=(TRANSFER,), verbatim=False))
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.outcome.transfer == {"destination": "+31201234567", "outcome": "succeeded"}


def test_failed_transfer_is_told_to_the_model_who_goes_on() -> None:
    replies = [Reply(calls=[call("transfer_call")]), "They do not answer. What else?"]
    world = play(
        RealtimeWorld(
            [says(1.0, "sales please")], replies, tools=(TRANSFER,), transfer_outcome=TransferOutcome.NO_ANSWER
        )
    )
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.said()[-1] == ("assistant", "They do not answer. What else?")


def test_say_is_spoken_word_for_word_and_may_end_the_call() -> None:
    say = {"type": "say", "content": "Your order has arrived.", "end_after": True}
    world = play(RealtimeWorld(acts=ordering((2.0, say)), hangs_up_at=20.0))
    assert world.said() == [("assistant", "Your order has arrived.")]
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL


@pytest.mark.parametrize(
    "command",
    [
        {"type": "say", "content": "Exactly this."},
        {"type": "inject-context", "content": "VIP", "trigger_response": False},
    ],
    ids=["say", "inject-context"],
)
def test_what_the_model_cannot_do_is_refused_by_name(command: Mapping[str, Any]) -> None:
    refused: list[str] = []
    world = play(
        RealtimeWorld(acts=ordering((2.0, command), refused=refused), verbatim=False, context=False, hangs_up_at=5.0)
    )
    assert refused == ["unsupported_by_realtime_model"]
    assert world.asked == []


def test_injected_context_is_told_at_once_or_answered() -> None:
    silent = {"type": "inject-context", "content": "The caller is a VIP.", "trigger_response": False}
    spoken = {"type": "inject-context", "content": "The taxi is there.", "trigger_response": True}
    world = play(
        RealtimeWorld(replies=["Your taxi is there."], acts=ordering((1.0, silent), (2.0, spoken)), hangs_up_at=8.0)
    )
    assert world.asked == [("context", "The caller is a VIP."), ("inform", "The taxi is there.")]
    assert world.said() == [("assistant", "Your taxi is there.")]


def test_end_call_order_interrupts_and_says_its_message_last() -> None:
    order = {"type": "end-call", "message": "We have to stop here."}
    long = "This is a long answer that nobody will hear to its end because the call is ended before."
    world = play(RealtimeWorld([says(1.0, "tell me")], [long], acts=ordering((3.0, order)), hangs_up_at=30.0))
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.said()[-1] == ("assistant", "We have to stop here.")
    assert world.log.first("hang up") < 6.0


def test_credits_that_run_out_end_the_call() -> None:
    async def refuse(minutes: int) -> bool:
        return False

    world = play(RealtimeWorld(extend_credits=refuse, hangs_up_at=300.0))
    assert world.outcome.end_reason is EndReason.CREDITS_EXHAUSTED
    assert any("thirty seconds" in text for kind, text in world.asked if kind == "speak")
