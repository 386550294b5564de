"""Whole calls in virtual time: tools."""

import json
from dataclasses import replace
from typing import Any

import pytest

from media.conversation.settings import ConversationSettings, Silence
from media.conversation.tools import TOOL_TIMEOUT_SECONDS
from media.speech.interfaces import ToolCall
from media.telephony.leg import TransferOutcome
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import DtmfTool, EndCallTool, TransferCallTool, TransferDestination, WebhookTool
from tests.scenarios.conversation.world import Turn, World, play, says

ASK = says(1.0, "book a table for two")
BOOK = WebhookTool.model_validate(
    {
        "name": "book",
        "description": "Books a table.",
        "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}, "required": ["people"]},
    }
)
DONE = "Your table is booked."


def call(name: str = "book", call_id: str = "c1", **arguments: Any) -> ToolCall:
    return ToolCall(call_id, name, arguments)


def booking(*answers: Turn | str, delay: float = 0.5, result: Any = "ok", **changes: Any) -> World:
    script: dict[str, Any] = {
        "timeline": [ASK],
        "answers": list(answers) or [Turn("One moment.", [call(people=2)]), DONE],
        "tools": (BOOK, EndCallTool(type="end_call")),
        "tool_answers": {"book": (delay, result)},
    }
    return World(**(script | changes))


def tool_results(world: World, request: int = -1) -> list[Any]:
    return [json.loads(m.content) for m in world.model.requests[request] if m.role == "tool"]


def test_a_tool_gets_its_arguments_and_its_result_reaches_the_model() -> None:
    world = play(booking(result={"table": 7}))
    assert world.asker.asked == [("book", {"people": 2})]
    assert tool_results(world) == [{"table": 7}]
    answer = next(m for m in world.model.requests[-1] if m.tool_calls)
    assert (answer.content, answer.tool_calls[0].id) == ("One moment.", "c1")
    assert world.said()[1:] == [("assistant", "One moment."), ("assistant", DONE)]


def test_wrong_arguments_go_back_to_the_model_and_not_to_the_webhook() -> None:
    world = play(booking(Turn("", [call(people="two")]), Turn("", [call(call_id="c2", people=2)]), DONE))
    assert world.asker.asked == [("book", {"people": 2})]
    assert "invalid arguments: $.people" in tool_results(world, 1)[0]["error"]
    assert world.said()[-1] == ("assistant", DONE)


def test_an_unknown_tool_is_told_to_the_model() -> None:
    world = play(booking(Turn("", [call("cancel")]), "I cannot do that."))
    assert tool_results(world) == [{"error": "there is no tool named cancel"}]


def test_several_tools_of_one_answer_run_at_once() -> None:
    other = WebhookTool(name="mail", description="Sends a mail.")
    world = play(
        booking(
            Turn("", [call(people=2), call("mail", "c2")]),
            DONE,
            tools=(BOOK, other),
            tool_answers={"book": (1.0, "a"), "mail": (1.0, "b")},
        )
    )
    assert world.log.first("tool done mail") - world.log.first("tool book") == pytest.approx(1.0, abs=0.01)
    assert tool_results(world) == ["a", "b"]


def test_a_tool_that_does_not_answer_is_told_to_the_model_in_time() -> None:
    world = play(booking(delay=1000.0, hangs_up_at=40.0))
    assert tool_results(world) == [{"error": "the tool did not answer in time"}]
    assert world.starts(DONE) - world.log.first("tool book") == pytest.approx(TOOL_TIMEOUT_SECONDS, abs=0.5)


def test_a_defect_in_a_tool_does_not_end_the_call() -> None:
    world = play(booking(result=RuntimeError("secret detail")))
    assert tool_results(world) == [{"error": "the tool failed"}]
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_an_async_tool_is_sent_and_not_waited_for() -> None:
    tool = WebhookTool.model_validate({"name": "notify", "description": "d", "async": True})
    world = play(booking(Turn("", [call("notify")]), "I let them know.", tools=(tool,)))
    assert world.asker.started == ["notify"]
    assert world.asker.asked == []
    assert world.said()[-1] == ("assistant", "I let them know.")


def test_the_filler_is_spoken_while_the_tool_runs() -> None:
    tool = BOOK.model_copy(update={"message": "Let me look that up."})
    world = play(booking(Turn("", [call(people=2)]), DONE, tools=(tool,), delay=4.0))
    assert world.starts("Let me look that up.") < world.log.first("tool done book")
    assert world.said()[1:] == [("assistant", "Let me look that up."), ("assistant", DONE)]


def test_speech_during_a_tool_call_is_answered_together_with_its_result() -> None:
    world = play(
        booking(
            Turn("One moment.", [call(people=2)]), "Booked, and yes by the window.",
            delay=5.0, timeline=[ASK, says(5.0, "by the window please")],
        )
    )  # fmt: skip
    assert [m.role for m in world.model.requests[-1]] == ["user", "assistant", "tool", "user"]
    assert len(world.model.requests) == 2
    assert world.asker.asked == [("book", {"people": 2})]
    assert world.said()[-1] == ("assistant", "Booked, and yes by the window.")


def test_a_tool_of_a_discarded_answer_is_never_run() -> None:
    """The model wants to act on a likely end of turn; the caller goes on."""
    timeline = [says(1.0, "book a table for two"), says(2.78, "no for three")]
    world = play(
        booking(Turn("", [call(people=2)]), Turn("", [call(people=3)]), DONE, timeline=timeline)
    )  # fmt: skip
    assert world.asker.asked == [("book", {"people": 3})]


def test_tool_rounds_are_bounded_and_the_last_offers_no_tools() -> None:
    world = play(booking(*[Turn("", [call(call_id=f"c{n}", people=2)]) for n in range(8)], DONE, delay=0.1))
    assert len(world.model.requests) == 9
    assert world.model.offered[-1] == []
    assert world.said()[-1] == ("assistant", DONE)


def test_end_call_speaks_its_message_and_hangs_up() -> None:
    settings = ConversationSettings(end_call_message="Have a nice day.")
    world = play(booking(Turn("Goodbye.", [call("end_call")]), settings=settings))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    assert world.said()[1:] == [("assistant", "Goodbye."), ("assistant", "Have a nice day.")]
    # the last word is heard before the line goes
    assert world.log.first("hang up") - world.starts("Have a nice day.") == pytest.approx(16 * 0.05 + 0.1, abs=0.03)


def test_end_call_without_a_message_hangs_up_after_the_goodbye() -> None:
    world = play(booking(Turn("Goodbye.", [call("end_call")])))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    # and the last packets of it arrive
    assert world.log.first("hang up") - world.starts("Goodbye.") == pytest.approx(8 * 0.05 + 0.1, abs=0.03)


def test_an_interrupted_goodbye_does_not_end_the_call() -> None:
    goodbye = "Then I wish you a very pleasant day and goodbye."
    timeline = [ASK, says(4.2, "wait one more question")]
    world = play(booking(Turn(goodbye, [call("end_call")]), "Yes?", timeline=timeline))
    assert world.said()[-1] == ("assistant", "Yes?")
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_an_end_call_phrase_ends_the_call() -> None:
    settings = ConversationSettings(end_call_phrases=["have a great day"])
    world = play(booking("Done. Have a GREAT day!", settings=settings))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP


def test_dtmf_is_sent() -> None:
    world = play(booking(Turn("", [call("dtmf", digits="12#")]), "Sent.", tools=(DtmfTool(type="dtmf"),)))
    assert world.leg.digits == ["12#"]


PLACES = TransferCallTool(
    type="transfer_call",
    destinations=[
        TransferDestination(type="number", number="+31201234567", description="Reception", message="I connect you."),
        TransferDestination(type="number", number="+31207654321", description="Kitchen"),
    ],
)


def transferring(place: Any, *answers: Turn | str, **changes: Any) -> World:
    return booking(Turn("", [call("transfer_call", destination=place)]), *answers, tools=(PLACES,), **changes)


def test_a_transfer_is_announced_made_by_place_and_ends_the_call() -> None:
    world = play(transferring(1))
    assert world.leg.transfers == ["sip:+31201234567@trunk.example"]
    assert world.log.first("refer") >= world.starts("I connect you.") + 14 * 0.05
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.outcome.transfer == {"destination": "+31201234567", "outcome": "succeeded"}


@pytest.mark.parametrize("outcome", [TransferOutcome.BUSY, TransferOutcome.NO_ANSWER, TransferOutcome.REFUSED])
def test_after_a_failed_transfer_the_assistant_resumes(outcome: TransferOutcome) -> None:
    timeline = [ASK, says(7.0, "then not")]
    world = play(transferring(2, "They are busy.", "Bye.", transfer_outcome=outcome, timeline=timeline))
    assert outcome.value in tool_results(world)[0]["error"]
    assert world.said()[1:] == [("assistant", "They are busy."), ("user", "then not"), ("assistant", "Bye.")]
    assert world.outcome.transfer == {"destination": "+31207654321", "outcome": outcome.value}


def test_a_forbidden_destination_is_a_tool_result_and_never_dialled() -> None:
    world = play(transferring(1, "I cannot.", forbidden=frozenset(["+31201234567"])))
    assert world.leg.transfers == []
    assert tool_results(world) == [
        {
            "error": "the transfer failed: destination_not_allowed",
            "outcome": "destination_not_allowed",
            "caller": "still on the line",
        }
    ]
    assert world.outcome.transfer == {"destination": "+31201234567", "outcome": "destination_not_allowed"}


def test_a_place_that_is_not_in_the_list_goes_back_to_the_model() -> None:
    world = play(transferring(3, "I cannot."))
    assert "invalid arguments" in tool_results(world)[0]["error"]


def test_a_hang_up_that_overtakes_the_transfers_answer_is_a_transfer() -> None:
    async def bye(world: World) -> None:
        world.leg.close()

    world = transferring(2, transfer_outcome=TransferOutcome.UNCONFIRMED, transfer_seconds=1.0, acts=[(3.6, bye)])
    play(world)
    assert world.outcome.end_reason is EndReason.TRANSFERRED


def test_a_single_destination_needs_no_argument() -> None:
    one = TransferCallTool(type="transfer_call", destinations=[PLACES.destinations[1]])
    world = play(booking(Turn("", [call("transfer_call")]), tools=(one,)))
    assert world.leg.transfers == ["sip:+31207654321@trunk.example"]


@pytest.mark.parametrize("at", [3.2, 3.5, 5.0])
def test_a_hang_up_during_a_tool_call_ends_the_call_at_once(at: float) -> None:
    world = play(booking(delay=8.0, hangs_up_at=at))
    assert world.asker.asked
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.log.first("hang up") - at < 0.1


NOTIFY = WebhookTool.model_validate(
    {"name": "notify", "description": "d", "async": True, "message": "I let them know."}
)


def test_the_line_of_an_async_tool_is_the_whole_answer() -> None:
    timeline = [ASK, says(5.0, "thank you")]
    world = play(booking(Turn("", [call("notify")]), "You are welcome.", tools=(NOTIFY,), timeline=timeline))
    assert world.asker.started == ["notify"]
    assert world.said()[1:] == [
        ("assistant", "I let them know."),
        ("user", "thank you"),
        ("assistant", "You are welcome."),
    ]
    # the model knows of the call when it is asked next
    assert tool_results(world) == [{"result": "started; its outcome will not be reported"}]


def test_the_model_goes_on_after_an_async_tool_where_its_line_does_not_say_it_all() -> None:
    spoke = play(booking(Turn("A moment.", [call("notify")]), "They know.", tools=(NOTIFY,)))
    assert spoke.said()[1:] == [("assistant", "A moment."), ("assistant", "They know.")]
    two = [call("notify"), call(call_id="c2", people=2)]
    both = play(booking(Turn("", two), DONE, tools=(NOTIFY, BOOK)))
    assert both.said()[1:] == [("assistant", "I let them know."), ("assistant", DONE)]


def test_an_async_tool_that_was_sent_nowhere_is_told_to_the_model_as_any_other() -> None:
    world = play(booking(Turn("", [call("notify")]), "I could not tell them.", tools=(NOTIFY,), has_webhook=False))
    assert world.said()[-1] == ("assistant", "I could not tell them.")
    assert tool_results(world) == [{"error": "The tool has no webhook that takes tool calls."}]


SAY_GOODBYE = ConversationSettings(end_call_phrases=["have a great day"])


@pytest.mark.parametrize("phrase", ["Have a great day!", "So: have a GREAT day."])
def test_an_end_call_phrase_ends_the_call_whatever_of_the_assistant_says_it(phrase: str) -> None:
    greeting = play(World(settings=replace(SAY_GOODBYE, first_message=phrase), hangs_up_at=20.0))
    assert greeting.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    assert greeting.said() == [("assistant", phrase)]
    asked = replace(SAY_GOODBYE, first_message="Hello.", silence=Silence(messages=[phrase], first_check_seconds=3))
    silent = play(World(settings=asked, hangs_up_at=20.0))
    assert silent.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    line = BOOK.model_copy(update={"message": phrase})
    filler = play(booking(Turn("", [call(people=2)]), DONE, tools=(line,), settings=SAY_GOODBYE))
    assert filler.outcome.end_reason is EndReason.ASSISTANT_HANGUP


def test_an_ordered_line_with_an_end_call_phrase_ends_the_call() -> None:
    async def order(world: World) -> None:
        await world.session.command({"type": "say", "content": "Have a great day."})

    world = play(World(settings=SAY_GOODBYE, acts=[(2.0, order)], hangs_up_at=20.0))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    assert world.log.first("hang up") - world.starts("Have a great day.") == pytest.approx(17 * 0.05 + 0.1, abs=0.03)


def test_a_caller_who_says_the_phrase_or_interrupts_it_keeps_the_call() -> None:
    caller = play(World([says(1.0, "have a great day")], ["Thank you."], SAY_GOODBYE))
    assert caller.outcome.end_reason is EndReason.USER_HANGUP
    greeting = replace(SAY_GOODBYE, first_message="Have a great day and please listen to what I have to tell you.")
    cut = play(World([says(2.2, "wait please stop")], ["Yes?"], greeting))
    assert cut.outcome.end_reason is EndReason.USER_HANGUP
    assert cut.said()[-1] == ("assistant", "Yes?")


def test_announcing_a_transfer_with_an_end_call_phrase_transfers() -> None:
    settings = ConversationSettings(end_call_phrases=["i connect you"])
    assert play(transferring(1, settings=settings)).outcome.end_reason is EndReason.TRANSFERRED
