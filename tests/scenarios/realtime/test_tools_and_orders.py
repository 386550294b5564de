"""Tools, transfers and control commands of realtime calls."""

from collections.abc import Mapping
from typing import Any

import pytest

from media.calls.commands import CommandRefusedError
from media.conversation.settings import ConversationSettings
from media.speech.interfaces import ToolCall
from media.telephony.leg import LegAnswered, LegClosed, LegClosedBy, LegDigit, LegRinging, TransferOutcome
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import EndCallTool, TransferCallTool, WebhookTool
from tests.scenarios.conversation.world import says
from tests.scenarios.realtime.world import RealtimeWorld, Reply, play

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


def test_transfer_over_a_second_leg_lets_the_caller_hear_it() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "sales please"), says(12.0, "hello sales", 1.0)],
            [Reply(calls=[call("transfer_call")])],
            tools=(TRANSFER,),
            ways="bridge",
            second_events=[(0.3, LegRinging()), (3.0, LegAnswered()), (20.0, LegClosed(LegClosedBy.PEER))],
        )
    )
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.leg.transfers == []
    assert world.starts("I connect you.") < world.log.first("dial +31201234567")
    assert world.log.first("second agent speaks 101") == pytest.approx(12.05, abs=0.1)
    assert world.leg.hung_up


def test_second_leg_that_is_busy_is_told_to_the_model_who_goes_on() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "sales please")],
            [Reply(calls=[call("transfer_call")]), "Sales is busy."],
            tools=(TRANSFER,),
            ways="bridge",
            second_events=[(1.0, LegClosed(LegClosedBy.FAILED, 486))],
        )
    )
    assert any(kind == "result" and "busy" in text for kind, text in world.asked)
    assert world.said()[-1] == ("assistant", "Sales is busy.")
    assert world.outcome.end_reason is EndReason.USER_HANGUP


WAITS_IN_SILENCE: dict[str, Any] = {"verbatim": False, "context": False, "instructable": False}
"""A model that says nothing while it waits for a tool."""


def test_transfer_of_a_model_that_waits_in_silence_is_announced_too() -> None:
    reply = Reply(calls=[call("transfer_call")])
    world = play(RealtimeWorld([says(1.0, "sales please")], [reply], tools=(TRANSFER,), **WAITS_IN_SILENCE))
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.said()[-1] == ("assistant", "I connect you.")
    assert world.log.first("refer") >= world.starts("I connect you.") + len("I connect you.") * 0.05 - 0.01


def test_line_of_a_tool_is_the_answer_for_now_of_a_model_that_waits_in_silence() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "where is order seven")],
            [Reply(calls=[call("lookup", id="7")]), "It is on its way."],
            tools=(LOOKUP,),
            tool_answers={"lookup": (4.0, {"status": "sent"})},
            **WAITS_IN_SILENCE,
        )
    )
    assert world.starts("One moment please.") < world.log.first("tool done lookup")
    assert world.said()[1:] == [("assistant", "One moment please."), ("assistant", "It is on its way.")]
    for_now, (kind, told) = world.asked[:2]
    assert for_now[0] == "result"
    assert (kind, 'The result of lookup: {"status": "sent"}' in told) == ("inform", True)


@pytest.mark.parametrize("kind", [{}, WAITS_IN_SILENCE], ids=["speaks", "waits"])
def test_line_of_an_async_tool_is_the_whole_answer(kind: dict[str, Any]) -> None:
    notify = WebhookTool.model_validate(
        {"name": "notify", "description": "d", "async": True, "message": "I let them know."}
    )
    timeline = [says(1.0, "tell them"), says(6.0, "thank you")]
    world = play(RealtimeWorld(timeline, [Reply(calls=[call("notify")]), "Gladly."], tools=(notify,), **kind))
    assert world.asker.started == ["notify"]
    assert world.said()[1:] == [("assistant", "I let them know."), ("user", "thank you"), ("assistant", "Gladly.")]


def test_line_of_a_tool_is_not_said_when_the_model_spoke_itself() -> None:
    replies = [Reply("Let me see.", calls=[call("lookup", id="7")]), "It is on its way."]
    answers = {"lookup": (2.0, {"status": "sent"})}
    world = play(RealtimeWorld([says(1.0, "where is it")], replies, tools=(LOOKUP,), tool_answers=answers))
    assert world.said()[1:] == [("assistant", "Let me see."), ("assistant", "It is on its way.")]


def test_goodbye_the_caller_interrupts_does_not_end_the_call() -> None:
    goodbye = Reply("Then I wish you a very pleasant day and goodbye.", calls=[call("end_call")])
    timeline = [says(1.0, "that is all"), says(3.2, "wait one more question")]
    world = play(RealtimeWorld(timeline, [goodbye, "Yes?"], tools=(END_CALL,)))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.said()[-1] == ("assistant", "Yes?")
    assert any(kind == "result" and "not ended" in text for kind, text in world.asked)


def test_end_call_phrase_that_was_made_and_not_heard_does_not_end_the_call() -> None:
    text = "Before we part: goodbye for now is what I say at the very end of this rather long farewell to you, dear."
    settings = ConversationSettings(end_call_phrases=["goodbye for now"])
    # all of it is made within a second; the caller comes in before
    timeline = [says(1.0, "that is all"), says(2.75, "wait one more question")]
    world = play(RealtimeWorld(timeline, [text, "Yes?"], settings))
    assert world.log.times("model gives up")
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.said()[-1] == ("assistant", "Yes?")


def test_end_call_phrase_counts_in_what_the_assistant_says_and_in_nothing_else() -> None:
    phrase = ConversationSettings(end_call_phrases=["i connect you"], first_message="I connect you.")
    assert play(RealtimeWorld(settings=phrase, hangs_up_at=20.0)).outcome.end_reason is EndReason.ASSISTANT_HANGUP
    announced = ConversationSettings(end_call_phrases=["i connect you"])
    reply = Reply(calls=[call("transfer_call")])
    world = play(RealtimeWorld([says(1.0, "i connect you")], [reply], announced, tools=(TRANSFER,)))
    assert world.outcome.end_reason is EndReason.TRANSFERRED


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


def test_context_that_is_to_be_answered_waits_for_the_consent() -> None:
    settings = ConversationSettings(consent="Press one to agree.", first_message="Hello.")
    order = {"type": "inject-context", "content": "The taxi is there.", "trigger_response": True}
    world = play(
        RealtimeWorld(
            replies=["Your taxi is there."],
            settings=settings,
            acts=ordering((2.0, order)),
            events=[(4.0, LegDigit("1"))],
            hangs_up_at=12.0,
        )
    )
    assert [text for _, text in world.said()] == ["Press one to agree.", "Hello.", "Your taxi is there."]


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
