"""Whole calls in virtual time: the caller is handed over, by REFER or over a second leg, at every turn it may take."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from media.calls import bridge, session
from media.calls.commands import CommandRefusedError, execute
from media.conversation import second_leg
from media.conversation.second_leg import RING_SECONDS
from media.conversation.settings import ConversationSettings
from media.telephony.leg import LegAnswered, LegClosed, LegClosedBy, LegDigit, LegEvent, LegRinging, TransferOutcome
from media.telephony.leg_layer import bare
from media.telephony.transfer_route import TransferRoute
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import TransferCallTool, TransferDestination
from tests.scenarios.conversation.test_credits import Account
from tests.scenarios.conversation.world import TONE, Turn, World, play, says
from tests.scenarios.conversation.world import ToolCall as Call

DESK = "+31201234567"
PLACE = TransferDestination(type="number", number=DESK, description="Desk", message="I connect you.")
TOOL = TransferCallTool(type="transfer_call", destinations=[PLACE])
ASK = says(1.0, "the desk please")
RINGS, ANSWERS = (0.3, LegRinging()), (4.0, LegAnswered())
HANGS_UP = (30.0, LegClosed(LegClosedBy.PEER))


def refused_with(code: int | None, at: float = 1.0) -> tuple[float, LegEvent]:
    return (at, LegClosed(LegClosedBy.FAILED, code))


def transferring(*answers: Turn | str, **changes: Any) -> World:
    script: dict[str, Any] = {
        "timeline": [ASK],
        "answers": [Turn("", [Call("c1", "transfer_call", {})]), *answers],
        "tools": (TOOL,),
        "ways": "bridge",
        "second_events": [RINGS, ANSWERS, HANGS_UP],
        "hangs_up_at": 100.0,
    }
    return World(**(script | changes))


def told(world: World) -> dict[str, Any]:
    """What the model was told of the transfer."""
    results = [message.content for message in world.model.requests[-1] if message.role == "tool"]
    answer: dict[str, Any] = json.loads(results[-1])
    return answer


def at(seconds: float, act: Callable[[World], Any]) -> tuple[float, Callable[[World], Awaitable[None]]]:
    async def happen(world: World) -> None:
        act(world)

    return (seconds, happen)


# over a second leg


def test_a_second_leg_is_announced_rung_and_bridged_until_it_hangs_up() -> None:
    world = play(transferring())
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.outcome.transfer == {"destination": DESK, "outcome": "succeeded"}
    dialled = world.log.first(f"dial {DESK}")
    assert dialled >= world.starts("I connect you.") + 14 * 0.05
    assert world.leg.transfers == []
    # the row is told at once, the end comes when both legs are gone
    (marked, transfer), hung_up = world.marked[0], world.log.first("hang up")
    assert marked == pytest.approx(dialled + 0.05 + 4.0, abs=0.2)
    assert transfer == world.outcome.transfer
    assert hung_up == pytest.approx(dialled + 0.05 + 30.0, abs=0.1)


def test_the_caller_hears_ringing_until_the_second_leg_answers() -> None:
    world = play(transferring())
    dialled = world.log.first(f"dial {DESK}")
    assert world.log.first(f"agent speaks {TONE}") == pytest.approx(dialled, abs=0.15)
    ends = world.log.first("flush")
    assert ends == pytest.approx(dialled + 4.05, abs=0.15)
    assert not [moment for moment in world.log.times(f"agent speaks {TONE}") if moment > ends]


def test_both_sides_hear_each_other_and_the_assistant_hears_nobody() -> None:
    to_desk, to_caller = says(12.0, "this is the caller"), says(14.0, "this is the desk")
    world = play(transferring(timeline=[ASK, to_desk], second_says=[says(0.0, "x"), says(0.5, "y"), to_caller]))
    assert world.log.first("second agent speaks 101") == pytest.approx(12.0, abs=0.1)
    assert world.log.first("agent speaks 102") == pytest.approx(14.0, abs=0.1)
    assert len(world.model.requests) == 1
    assert world.model.closed
    assert world.synthesiser.closed


def test_what_the_second_leg_says_before_it_answers_is_not_heard() -> None:
    early = says(4.0, "the number you have dialled")
    world = play(transferring(second_says=[early], second_events=[(0.3, LegRinging()), (8.0, LegAnswered()), HANGS_UP]))
    assert not world.log.times("agent speaks 100")


def test_keys_of_one_side_are_pressed_on_the_other() -> None:
    digit = (10.0, LegDigit("5"))
    world = play(transferring(second_events=[RINGS, ANSWERS, digit, HANGS_UP], events=[(15.0, LegDigit("7"))]))
    assert world.leg.digits == ["5"]
    assert world.second
    assert world.second.digits == ["7"]


def test_the_caller_hanging_up_ends_the_second_leg() -> None:
    world = play(transferring(hangs_up_at=20.0))
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.log.first("second hang up") == pytest.approx(20.0, abs=0.05)


def test_a_bridge_nobody_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "LONGEST_SECONDS", 60.0)
    world = play(transferring(second_events=[RINGS, ANSWERS], hangs_up_at=200.0))
    assert world.log.first("second hang up") == pytest.approx(world.marked[0][0] + 60.0, abs=0.2)


def test_a_node_that_drains_ends_the_bridge() -> None:
    world = play(transferring(acts=[at(20.0, lambda world: world.session.stop())]))
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.log.first("second hang up") == pytest.approx(20.0, abs=0.05)


def test_a_bridge_is_warned_and_ended_when_its_credits_are_used_up() -> None:
    account = Account(2)
    world = transferring(second_events=[RINGS, ANSWERS], hangs_up_at=1000.0)
    world.extend_credits = account.extend
    play(world)
    assert [minutes for _, minutes in account.asked] == [3, 3]
    assert world.log.first("second agent speaks 9999") == pytest.approx(90.0, abs=1)
    assert world.log.first("hang up") == pytest.approx(118.0, abs=1)
    assert world.outcome.end_reason is EndReason.TRANSFERRED


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        ([RINGS, refused_with(486)], "busy"),
        ([RINGS, refused_with(603)], "refused"),
        ([RINGS, refused_with(480)], "no_answer"),
        ([RINGS], "no_answer"),
        ([refused_with(404)], "failed"),
        ([refused_with(None)], "failed"),
    ],
)
def test_after_a_second_leg_that_came_to_nothing_the_assistant_resumes(second: list[Any], outcome: str) -> None:
    timeline = [ASK, says(50.0, "then not")]
    world = play(transferring("Nobody is there.", "Bye.", timeline=timeline, second_events=second))
    assert world.said()[-3:] == [("assistant", "Nobody is there."), ("user", "then not"), ("assistant", "Bye.")]
    assert world.outcome.transfer == {"destination": DESK, "outcome": outcome}
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.marked == []
    if second == [RINGS]:
        assert world.log.first("second hang up") == pytest.approx(world.log.first("dial") + RING_SECONDS, abs=0.2)


def test_the_model_is_told_the_outcome_in_one_word() -> None:
    world = play(transferring("Busy.", second_events=[refused_with(486)]))
    assert told(world)["outcome"] == "busy"
    assert told(world)["caller"] == "still on the line"


def test_a_trunk_that_cannot_be_dialled_is_a_failed_transfer() -> None:
    world = play(transferring("That failed.", dial_fails=True))
    assert told(world)["outcome"] == "failed"
    assert ("assistant", "That failed.") in world.said()


@pytest.mark.parametrize("after_dialling", [0.01, 0.2, 2.0])
def test_the_caller_hanging_up_while_it_rings_cancels_the_second_leg(after_dialling: float) -> None:
    dialled = play(transferring()).log.first("dial")
    world = play(transferring(hangs_up_at=dialled + after_dialling))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.transfer == {"destination": DESK, "outcome": "cancelled"}
    assert world.log.first("second hang up") == pytest.approx(dialled + max(0.05, after_dialling), abs=0.05)


def test_the_caller_hanging_up_as_the_second_leg_answers_leaves_nobody_on_the_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow_to_end(*_: Any) -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            await asyncio.sleep(0.5)

    monkeypatch.setattr(second_leg, "play_ringback", slow_to_end)
    answered = play(transferring()).log.first("dial") + 0.05 + 4.0
    world = play(transferring(hangs_up_at=answered + 0.2))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.log.first("second hang up") == pytest.approx(answered + 0.2, abs=0.05)


def test_a_node_that_drains_as_the_bridge_is_made_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = transferring()

    def told_meanwhile(leg: Any) -> Any:
        world.session.stop()
        return bare(leg)

    monkeypatch.setattr(session, "bare", told_meanwhile)
    play(world)
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.log.first("second hang up") == pytest.approx(world.marked[0][0], abs=0.1)


def test_the_caller_hanging_up_during_the_announcement_dials_nobody() -> None:
    world = transferring()
    announced = play(transferring()).starts("I connect you.")
    world.hangs_up_at = announced + 0.2
    play(world)
    assert not world.log.times("dial")
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_a_command_to_end_the_call_while_it_rings_cancels_the_second_leg() -> None:
    async def end(world: World) -> None:
        await world.session.command({"type": "end-call"})

    dialled = play(transferring()).log.first("dial")
    world = play(transferring(acts=[(dialled + 1.0, end)]))
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.log.first("second hang up") == pytest.approx(dialled + 1.0, abs=0.1)


def test_who_answers_while_the_caller_is_said_goodbye_to_is_not_connected() -> None:
    async def end(world: World) -> None:
        await world.session.command({"type": "end-call", "message": "We have to end this call now. " * 4})

    dialled = play(transferring()).log.first("dial")
    world = play(transferring(acts=[(dialled + 1.0, end)]))
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.outcome.transfer == {"destination": DESK, "outcome": "cancelled"}
    assert world.marked == []
    assert world.log.first("second hang up") == pytest.approx(dialled + 0.05 + 4.0, abs=0.1)
    assert world.log.first("hang up") > dialled + 6.0


def test_a_command_bridges_as_the_tool_does() -> None:
    async def order(world: World) -> None:
        await world.session.command({"type": "transfer", "destination": DESK, "message": "One moment."})

    world = play(transferring(timeline=[], acts=[(1.0, order)]))
    assert world.said() == [("assistant", "One moment.")]
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.second


# by REFER, and by the one after the other


@pytest.mark.parametrize(
    "outcome", [TransferOutcome.BUSY, TransferOutcome.NO_ANSWER, TransferOutcome.REFUSED, TransferOutcome.FAILED]
)
def test_who_was_rung_by_the_peer_is_not_rung_again_by_us(outcome: TransferOutcome) -> None:
    world = play(transferring("Nobody is there.", ways="refer then bridge", transfer_outcome=outcome))
    assert world.second is None
    assert told(world)["outcome"] == outcome.value


def test_a_peer_that_does_no_transfers_leaves_them_to_us() -> None:
    world = play(transferring(ways="refer then bridge", transfer_outcome=TransferOutcome.UNSUPPORTED))
    assert world.leg.transfers
    assert world.second
    assert world.outcome.transfer == {"destination": DESK, "outcome": "succeeded"}


def test_a_peer_that_does_no_transfers_has_refused_where_there_is_no_other_way() -> None:
    world = play(transferring("It is refused.", ways="refer", transfer_outcome=TransferOutcome.UNSUPPORTED))
    assert told(world)["outcome"] == "refused"
    assert world.outcome.transfer == {"destination": DESK, "outcome": "refused"}


@pytest.mark.parametrize("outcome", [TransferOutcome.SUCCEEDED, TransferOutcome.UNCONFIRMED])
def test_a_peer_that_takes_the_caller_over_ends_the_call(outcome: TransferOutcome) -> None:
    world = play(transferring(ways="refer then bridge", transfer_outcome=outcome))
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.outcome.transfer == {"destination": DESK, "outcome": outcome.value}
    assert (world.second, world.marked) == (None, [])


def test_a_caller_who_hangs_up_while_the_peer_is_asked_and_was_not_taken_over_has_hung_up() -> None:
    referred = play(transferring(ways="refer")).log.first("refer")
    world = transferring(ways="refer", transfer_outcome=TransferOutcome.FAILED, transfer_seconds=30.0)
    world.hangs_up_at = referred + 1.0
    play(world)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.transfer == {"destination": DESK, "outcome": "cancelled"}


def test_a_caller_whose_thanks_fell_into_the_transfer_is_told_that_it_failed() -> None:
    silently = PLACE.model_copy(update={"message": None})
    connects = Turn("One moment please, I will connect you with the desk now.", [Call("c1", "transfer_call", {})])
    world = play(
        transferring(
            timeline=[ASK, says(3.0, "okay thank you very much", 1.5)],
            answers=[connects, "Nobody is there."],
            tools=(TransferCallTool(type="transfer_call", destinations=[silently]),),
            ways="refer",
            interim=True,
            transfer_outcome=TransferOutcome.BUSY,
            transfer_seconds=4.0,
            hangs_up_at=30.0,
        )
    )
    assert world.log.first("refer") < 4.5
    assert told(world)["outcome"] == "busy"
    assert world.said()[-1] == ("assistant", "Nobody is there.")


def test_what_is_heard_while_the_caller_is_handed_over_is_no_answering_machine() -> None:
    async def order(world: World) -> None:
        await world.session.command({"type": "transfer", "destination": DESK})

    world = play(
        transferring(
            timeline=[says(1.0, "hello"), says(6.0, "please leave a message after the tone", 3.0)],
            settings=ConversationSettings(first_message="Good day.", voicemail_detection=True),
            acts=[(5.0, order)],
            ways="refer",
            interim=True,
            transfer_seconds=10.0,
        )
    )
    assert world.outcome.end_reason is EndReason.TRANSFERRED


def test_a_recogniser_lost_while_the_peer_is_asked_does_not_cut_the_second_leg_short() -> None:
    async def order(world: World) -> None:
        await world.session.command({"type": "transfer", "destination": DESK})

    world = play(
        transferring(
            timeline=[says(3.0, "hello hello are you still there")],
            acts=[(2.0, order)],
            ways="refer then bridge",
            transfer_outcome=TransferOutcome.UNSUPPORTED,
            transfer_seconds=6.0,
            stt_breaks=frozenset([1, 2]),
        )
    )
    assert world.outcome.error == "stt: connection lost"
    assert world.outcome.end_reason is EndReason.TRANSFERRED


def test_nobody_is_rung_up_for_a_call_that_was_ended_while_the_peer_was_asked() -> None:
    async def end(world: World) -> None:
        await world.session.command({"type": "end-call", "message": "We have to end this call now, good night."})

    refers = {"ways": "refer then bridge", "transfer_outcome": TransferOutcome.UNSUPPORTED, "transfer_seconds": 1.0}
    world = transferring(**refers)
    referred = play(transferring(**refers)).log.first("refer")
    world.acts = [(referred + 0.5, end)]
    play(world)
    assert not world.log.times("dial")
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.outcome.transfer == {"destination": DESK, "outcome": "cancelled"}


@pytest.mark.parametrize("second_at", [1.0, 1.2])
def test_of_two_orders_whose_ways_are_looked_for_at_once_one_is_refused(second_at: float) -> None:
    refused: list[str] = []

    async def order(world: World) -> None:
        try:
            await world.session.command({"type": "transfer", "destination": DESK})
        except CommandRefusedError as failure:
            refused.append(failure.code)

    world = transferring(timeline=[], acts=[(1.0, order), (second_at, order)])
    look_up = world._route

    async def slowly(destination: str) -> TransferRoute:
        await asyncio.sleep(0.5)
        return await look_up(destination)

    world._route = slowly  # type: ignore[method-assign]
    play(world)
    assert refused == ["transfer_under_way"]
    assert len(world.log.times(f"dial {DESK}")) == 1


async def test_an_order_whose_way_is_found_after_the_call_is_refused() -> None:
    async def command(*_: Any) -> None:
        raise AssertionError("the call is over")

    transfers: Any = Mock(under_way=False, route=AsyncMock(), command=command)
    async with asyncio.TaskGroup() as tasks:
        pass
    with pytest.raises(CommandRefusedError) as refused:
        await execute({"type": "transfer", "destination": DESK}, Mock(), transfers, tasks)
    assert refused.value.code == "not_in_progress"


def test_a_second_transfer_at_the_same_time_is_refused() -> None:
    async def order(world: World) -> None:
        await world.session.command({"type": "transfer", "destination": DESK})

    refused: list[str] = []

    async def again(world: World) -> None:
        try:
            await world.session.command({"type": "transfer", "destination": DESK})
        except Exception as failure:  # noqa: BLE001 - its code is what is looked at
            refused.append(getattr(failure, "code", ""))

    play(transferring(timeline=[], acts=[(1.0, order), (3.0, again)]))
    assert refused == ["transfer_under_way"]
