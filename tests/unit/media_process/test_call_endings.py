"""What must not keep a call from being taken safely, or its row from being ended."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from media import end_of_call, running_call
from media.director import Director
from media.telephony.leg import LegAnswered, LegClosedBy
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.model import CallOutcome, CallRef, EndReason


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_call, "FINISH_PAUSES_SECONDS", (0.001,) * 5)
    monkeypatch.setattr(running_call, "HANG_UP_SECONDS", 0.01)


def protecting(stand: Any, seconds: float = 0.0) -> None:
    """Make the protection a stage of the stand that takes so long."""

    async def protect() -> bool:
        stand.stage("protect")
        await asyncio.sleep(seconds)
        stand.stage("protected")
        return False  # a call goes on when ECS did not confirm

    stand.services = replace(stand.services, protect=protect)
    stand.director = Director(stand.services, stand.capacity)


async def test_inbound_call_is_answered_after_the_question_for_protection(stand: Any) -> None:
    protecting(stand, 0.005)
    stand.invite()
    await stand.reach("session")
    assert stand.stages.index("protected") < stand.stages.index("answer")
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


async def test_outbound_call_is_dialled_after_the_question_for_protection(stand: Any) -> None:
    protecting(stand, 0.005)
    stand.order()
    await stand.reach("dial")
    assert stand.stages.index("protected") < stand.stages.index("dial")
    stand.leg.close(LegClosedBy.FAILED, 486)
    await stand.over()


async def test_caller_who_hangs_up_while_protection_is_asked_for_cancels(stand: Any) -> None:
    protecting(stand, 60)
    stand.at["protect"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert "answer" not in stand.leg.did
    assert stand.outcome.end_reason is EndReason.CALLER_CANCELLED


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_hang_up_that_goes_wrong_keeps_no_row_open(stand: Any, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang_up() -> None:
        if how == "hangs":
            await asyncio.sleep(60)
        raise RuntimeError("defect")

    monkeypatch.setattr(stand.leg, "hang_up", hang_up)
    monkeypatch.setattr(stand.leg, "reject", hang_up)
    stand.prepare_error = RuntimeError("defect")
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert stand.capacity.active == 0


async def test_row_whose_answer_got_lost_is_looked_for_until_the_table_is_back(
    stand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.create_fails_after_writing, failures = True, [ConnectionError("no table")] * 20
    find = stand.find

    def failing(org_id: str, call_id: str) -> CallRef | None:
        if failures:
            raise failures.pop()
        return find(org_id, call_id)  # type: ignore[no-any-return]

    monkeypatch.setattr(stand, "find", failing)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.PROVIDER_ERROR


@pytest.mark.parametrize(("claimed_by", "ended"), [("node", True), ("another", False)])
async def test_claim_whose_answer_got_lost_is_ended_by_the_node_that_won_it(
    stand: Any, monkeypatch: pytest.MonkeyPatch, claimed_by: str, ended: bool
) -> None:
    def claim(ref: CallRef, node_id: str) -> bool:
        raise ConnectionError("the answer got lost")

    load = stand.load_whole
    monkeypatch.setattr(stand, "claim_dial", claim)
    monkeypatch.setattr(stand, "load_whole", lambda ref: replace(load(ref), node_id=claimed_by))
    stand.order()
    await stand.over()
    assert bool(stand.finishes) is ended
    assert "dial" not in stand.stages


async def test_call_that_has_just_arrived_does_not_escape_the_stop(stand: Any) -> None:
    stand.invite()
    await stand.director.stop_calls(EndReason.SHUTDOWN)
    await stand.over()
    assert stand.outcome.end_reason is EndReason.SHUTDOWN
    assert stand.sessions == []


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
async def test_abandoned_call_is_ended_as_shut_down(stand: Any, direction: str) -> None:
    if direction == "inbound":
        stand.invite()
    else:
        stand.at["dial"] = lambda: stand.leg.events.put_nowait(LegAnswered())
        stand.order()
    await stand.reach("session")
    stand.director.abandon()
    await stand.over()
    assert stand.outcome == CallOutcome(end_reason=EndReason.SHUTDOWN)
    assert stand.leg.closed
    assert stand.capacity.active == 0


async def test_end_is_written_however_long_the_table_refuses_it(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_call, "FINISH_PAUSES_SECONDS", (0.001, 0.001))
    stand.finish_failures = 30
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.USER_HANGUP


async def test_row_that_is_gone_is_not_waited_for(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(ref: CallRef, outcome: CallOutcome) -> bool:
        raise CallNotFoundError

    monkeypatch.setattr(stand, "finish", finish)
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.capacity.active == 0
