"""Outbound calls through the director: rung once by whoever wins, every ending mapped and written."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from media.calls.commands import CommandRefusedError
from media.control.orders import OrderRefusedError
from media.outbound import outcome_of_failed_dial
from media.speech.interfaces import ProviderError, ToolsUnavailableError
from media.telephony.leg import NOT_ENCRYPTED, LegAnswered, LegClosed, LegClosedBy, LegRinging
from media.telephony.user_agents import DialRefusedError, TooManyIdentitiesError
from sovereign.calls.model import CallOutcome, EndReason
from sovereign.kernel.clock import utc_now
from sovereign.kernel.errors import DestinationNotAllowedError, InvalidStateError


async def in_conversation(stand: Any) -> None:
    assert stand.order()
    await stand.reach("dial")
    stand.leg.events.put_nowait(LegRinging())
    stand.leg.events.put_nowait(LegAnswered())
    await stand.reach("session")


async def test_call_is_claimed_rung_conversed_and_ended(stand: Any) -> None:
    await in_conversation(stand)
    (row,) = stand.rows.values()
    assert (row.claimed_by, row.status) == ("node", "in-progress")
    assert stand.stages.index("claim") < stand.stages.index("dial") < stand.stages.index("mark_ringing")
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()
    assert stand.outcome.end_reason is EndReason.USER_HANGUP
    assert len(stand.finishes) == 1
    assert stand.capacity.active == 0


async def test_call_claimed_elsewhere_is_left_alone(stand: Any) -> None:
    stand.order()
    next(iter(stand.rows.values())).claimed_by = "another"
    await stand.over()
    assert "dial" not in stand.stages
    assert stand.finishes == []
    assert stand.capacity.active == 0


async def test_same_order_twice_rings_once(stand: Any) -> None:
    assert stand.order()
    assert stand.order()
    await stand.reach("dial")
    await asyncio.sleep(0)
    assert stand.stages.count("dial") == 1
    stand.leg.close(LegClosedBy.FAILED, 486)
    await stand.over()


async def test_order_beyond_capacity_is_refused(stand: Any) -> None:
    stand.capacity.drain()
    assert not stand.order()
    assert stand.stages == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (486, EndReason.DIAL_BUSY),
        (600, EndReason.DIAL_BUSY),
        (408, EndReason.DIAL_NO_ANSWER),
        (480, EndReason.DIAL_NO_ANSWER),
        (487, EndReason.DIAL_NO_ANSWER),
        (403, EndReason.DIAL_REJECTED),
        (603, EndReason.DIAL_REJECTED),
        (607, EndReason.DIAL_REJECTED),
        (608, EndReason.DIAL_REJECTED),
        (302, EndReason.DIAL_FAILED),
        (404, EndReason.DIAL_FAILED),
        (503, EndReason.DIAL_FAILED),
        (None, EndReason.DIAL_FAILED),
    ],
)
async def test_final_response_gives_the_end_reason(stand: Any, code: int | None, reason: EndReason) -> None:
    stand.at["dial"] = lambda: stand.leg.close(LegClosedBy.FAILED, code)
    stand.order()
    await stand.over()
    assert stand.outcome.end_reason is reason
    if reason is EndReason.DIAL_FAILED and code:
        assert stand.outcome.error == f"SIP {code}"


def test_failed_dial_without_code_says_that_the_trunk_was_not_reached() -> None:
    assert outcome_of_failed_dial(LegClosed(LegClosedBy.FAILED)).error == "The trunk could not be reached."


def test_call_answered_in_plain_where_srtp_is_required_says_so() -> None:
    outcome = outcome_of_failed_dial(LegClosed(LegClosedBy.FAILED, detail=NOT_ENCRYPTED))
    assert outcome == CallOutcome(end_reason=EndReason.DIAL_FAILED, error=NOT_ENCRYPTED)


@pytest.mark.parametrize("rings", [True, False])
async def test_unanswered_call_is_given_up(stand: Any, rings: bool) -> None:
    if rings:
        stand.at["dial"] = lambda: stand.leg.events.put_nowait(LegRinging())
    stand.order()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.DIAL_NO_ANSWER
    assert stand.leg.did == ["hang_up"]
    assert ("mark_ringing" in stand.stages) is rings


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DestinationNotAllowedError("Premium-rate numbers are never dialled."), EndReason.DESTINATION_NOT_ALLOWED),
        (InvalidStateError("The call has no destination."), EndReason.DIAL_FAILED),
        (RuntimeError("defect"), EndReason.DIAL_FAILED),
    ],
)
async def test_call_without_a_way_out_ends(stand: Any, error: Exception, reason: EndReason) -> None:
    stand.outbound = error
    stand.order()
    await stand.over()
    assert stand.outcome.end_reason is reason
    assert "defect" not in (stand.outcome.error or "")


@pytest.mark.parametrize("error", [DialRefusedError("no INVITE"), TooManyIdentitiesError("full")])
async def test_refused_dial_fails_the_call(stand: Any, error: Exception) -> None:
    stand.dial_error = error
    stand.order()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.DIAL_FAILED
    assert not stand.outcome.unrung, "the stack may have sent it after all"
    assert stand.discarded == 1


async def test_assistant_that_cannot_speak_never_rings(stand: Any) -> None:
    stand.prepare_error = ProviderError("elevenlabs", "not reachable", retryable=True)
    stand.order()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert "dial" not in stand.stages
    assert stand.outcome.unrung


async def test_campaigns_call_that_took_long_to_prepare_rings_only_if_it_is_still_wanted(stand: Any) -> None:
    stand.dial_before, stand.wanted = utc_now() - timedelta(seconds=1), False
    stand.order()
    await stand.over()
    assert stand.stages.index("prepare") < stand.stages.index("may_still_ring")
    assert "dial" not in stand.stages
    assert (stand.outcome.end_reason, stand.outcome.unrung) == (EndReason.DIAL_FAILED, True)
    assert stand.discarded == 1


@pytest.mark.parametrize(
    ("dial_before", "asked"),
    [(None, False), (timedelta(minutes=1), False), (timedelta(seconds=-1), True)],
)
async def test_campaigns_call_that_is_wanted_rings(stand: Any, dial_before: timedelta | None, asked: bool) -> None:
    stand.dial_before = None if dial_before is None else utc_now() + dial_before
    await in_conversation(stand)
    assert ("may_still_ring" in stand.stages) is asked
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


@pytest.mark.parametrize("stage", ["load", "outbound_route", "prepare", "dial", "mark_answered", "session"])
async def test_shutdown_at_any_stage_ends_the_call(stand: Any, stage: str) -> None:
    stopping: list[asyncio.Future[None]] = []
    stand.at["dial"] = lambda: stand.leg.events.put_nowait(LegAnswered()) if stage != "dial" else None
    answer = stand.at["dial"]

    def stop() -> None:
        if stage == "dial":
            answer()
        stopping.append(asyncio.ensure_future(stand.director.stop_calls(EndReason.SHUTDOWN)))

    stand.at[stage] = stop
    stand.order()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.SHUTDOWN
    assert stand.outcome.unrung is ("dial" not in stand.stages)
    assert len(stand.finishes) == 1
    assert stand.leg.closed or "dial" not in stand.stages


async def test_call_the_reaper_ended_first_is_hung_up(stand: Any) -> None:
    def reap() -> None:
        (row,) = stand.rows.values()
        row.outcome = CallOutcome(end_reason=EndReason.NODE_LOST)

    stand.at["mark_answered"] = reap
    stand.at["dial"] = lambda: stand.leg.events.put_nowait(LegAnswered())
    stand.order()
    await stand.over()
    assert stand.leg.did == ["hang_up"]
    assert stand.sessions == []


async def test_command_reaches_the_session_of_its_own_organization_only(stand: Any) -> None:
    await in_conversation(stand)
    await stand.director.command("org", "call-outbound-x", {"type": "say", "content": "x"})
    assert stand.sessions[0].commands == [{"type": "say", "content": "x"}]
    with pytest.raises(OrderRefusedError) as refused:
        await stand.director.command("other", "call-outbound-x", {"type": "say", "content": "x"})
    assert refused.value.code == "call_not_in_progress"
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()
    with pytest.raises(OrderRefusedError):
        await stand.director.command("org", "call-outbound-x", {"type": "say", "content": "x"})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandRefusedError("destination_not_allowed", "no"), "destination_not_allowed"),
        (ValueError("x"), "invalid_request"),
    ],
)
async def test_refused_command_carries_its_code(stand: Any, error: Exception, code: str) -> None:
    await in_conversation(stand)
    stand.command_error = error
    with pytest.raises(OrderRefusedError) as refused:
        await stand.director.command("org", "call-outbound-x", {"type": "transfer", "destination": "x"})
    assert refused.value.code == code
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


async def test_command_before_the_answer_is_refused(stand: Any) -> None:
    stand.order()
    await stand.reach("dial")
    with pytest.raises(OrderRefusedError, match="not in progress"):
        await stand.director.command("org", "call-outbound-x", {"type": "say", "content": "x"})
    stand.leg.close(LegClosedBy.FAILED, 486)
    await stand.over()


async def test_call_that_cannot_do_without_an_unreachable_server_is_not_dialled(stand: Any) -> None:
    stand.prepare_error = ToolsUnavailableError("mcp", "server x cannot be reached", retryable=False)
    stand.order()
    await stand.over()
    assert "dial" not in stand.stages
    assert stand.outcome.end_reason is EndReason.MCP_UNAVAILABLE
