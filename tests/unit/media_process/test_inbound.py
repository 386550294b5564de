"""Inbound calls through the director: every path ends the leg, the row and the slot, once."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from media import end_of_call
from media.calls.journal import Batch
from media.control.orders import AdmitRequest
from media.inbound import NO_CREDITS_ANNOUNCEMENT
from media.routes import InboundRefusal, InboundRoute
from media.speech.interfaces import BadKeyError, ToolsUnavailableError
from media.telephony.leg import NOT_ENCRYPTED, LegClosedBy
from sovereign.assistants import Rejection, transient, with_override
from sovereign.calls.model import EndReason, Message
from sovereign.kernel.errors import BodyTooLargeError, InsufficientCreditsError, InvalidRequestError
from sovereign.webhooks.answers import Failure, WebhookFailedError
from sovereign.workflows import WorkflowSettings
from sovereign.workflows.running import RunnableWorkflow
from tests.unit.media_process.scripted import HEADERS
from tests.unit.workflows.definitions import reception

STAGES = ["route", "create", "ask", "answered", "set_assistant", "reserve", "prepare", "answer"]
LATER_STAGES = ["mark_answered", "start", "session"]


def metered(stand: Any) -> None:
    assert isinstance(stand.route, InboundRoute)
    stand.route = replace(stand.route, payer_org_id="payer")


def rich(stand: Any) -> None:
    """Let the call pass through every stage there is."""
    stand.with_webhook()
    metered(stand)
    assert isinstance(stand.route, InboundRoute)
    members = {
        name: getattr(stand.route.assistant.settings, name) for name in ("llm_config", "stt_config", "tts_config")
    }
    stand.answer = transient(
        {name: value.model_dump(by_alias=True, exclude_none=True) for name, value in members.items()}
    )


@pytest.mark.parametrize("hops", ["3", "12", "many", "-1"])
async def test_call_transferred_in_a_circle_is_refused_without_a_row(stand: Any, hops: str) -> None:
    stand.invite({**HEADERS, "X-Sovereign-Hops": hops})
    await stand.over()
    assert stand.leg.did == ["reject"]
    assert (stand.rows, stand.stages) == ({}, [])


async def test_call_that_was_transferred_twice_is_taken(stand: Any) -> None:
    stand.invite({**HEADERS, "X-Sovereign-Hops": "2"})
    await stand.reach("session")
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


async def test_call_is_taken_conversed_and_ended(stand: Any) -> None:
    stand.invite()
    await stand.reach("session")
    assert stand.capacity.active == 1
    (row,) = stand.rows.values()
    assert row.status == "in-progress"
    assert (row.new.caller_phone, row.new.assistant_phone, row.new.ringing) == ("+31612345678", "+31850835037", True)
    assert (stand.called, stand.source) == ("+31850835037", "127.0.0.1")
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()
    assert stand.outcome.end_reason is EndReason.USER_HANGUP
    assert len(stand.finishes) == 1
    assert stand.capacity.active == 0
    assert stand.discarded == 0


@pytest.mark.parametrize("stage", [*STAGES, *LATER_STAGES])
async def test_caller_hanging_up_at_any_stage_ends_in_one_terminal_row(stand: Any, stage: str) -> None:
    rich(stand)
    stand.at[stage] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stage in stand.stages
    assert len(stand.finishes) == 1
    answered = "answer" in stand.leg.did
    assert stand.outcome.end_reason is (EndReason.USER_HANGUP if answered else EndReason.CALLER_CANCELLED)
    assert stand.capacity.active == 0
    assert stand.discarded == (1 if "prepare" in stand.stages and "start" not in stand.stages else 0)


@pytest.mark.parametrize("stage", [*STAGES[1:], *LATER_STAGES])
async def test_defect_at_any_stage_ends_in_one_terminal_row(stand: Any, stage: str) -> None:
    rich(stand)

    def break_down() -> None:
        raise RuntimeError("defect")

    stand.at[stage] = break_down
    stand.invite()
    await stand.over()
    if stage == "create":
        assert stand.finishes == []
    else:
        assert stand.outcome.end_reason is EndReason.PROVIDER_ERROR
        assert len(stand.finishes) == 1
    assert stand.leg.closed
    assert stand.capacity.active == 0


@pytest.mark.parametrize("stage", [*STAGES[1:], *LATER_STAGES])
async def test_shutdown_at_any_stage_ends_the_call(stand: Any, stage: str) -> None:
    rich(stand)
    stand.at[stage] = lambda: stand.later.append(asyncio.ensure_future(stand.director.stop_calls(EndReason.SHUTDOWN)))
    stand.later = []
    stand.ask_seconds = 0.01
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.SHUTDOWN
    assert len(stand.finishes) == 1


@pytest.mark.parametrize("encrypts", [True, False])
async def test_call_over_a_trunk_that_requires_srtp_is_held_only_encrypted(stand: Any, encrypts: bool) -> None:
    stand.route = replace(stand.route, encrypted_only=True)
    stand.leg.encrypts = encrypts
    stand.invite(HEADERS)
    if encrypts:
        await stand.reach("session")
        stand.leg.close(LegClosedBy.PEER)
    await stand.over()
    if encrypts:
        assert stand.outcome.end_reason is EndReason.USER_HANGUP
    else:
        assert (stand.outcome.end_reason, stand.outcome.error) == (EndReason.MEDIA_LOST, NOT_ENCRYPTED)
        assert "session" not in stand.stages


async def test_refused_invite_leaves_no_row(stand: Any) -> None:
    stand.route = InboundRefusal(404, "Unknown number")
    stand.invite()
    await stand.over()
    assert stand.leg.did == ["reject"]
    assert stand.rows == {}
    assert stand.capacity.active == 0


async def test_invite_beyond_capacity_is_rejected_before_anything_is_looked_up(stand: Any) -> None:
    assert stand.capacity.reserve()
    assert stand.capacity.reserve()
    stand.invite()
    await stand.over()
    assert stand.leg.did == ["reject"]
    assert stand.stages == []


async def test_row_whose_answer_got_lost_is_ended(stand: Any) -> None:
    stand.create_fails_after_writing = True
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.PROVIDER_ERROR


async def test_end_is_written_again_until_it_works(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_call, "FINISH_PAUSES_SECONDS", (0.001, 0.001, 0.001))
    stand.finish_failures = 3
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.USER_HANGUP


LATE = (Batch(3, [Message("user", "one")]), Batch(4, [Message("assistant", "two")]))


async def test_late_messages_are_written_before_the_end(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_call, "TRANSCRIPT_PAUSES_SECONDS", (0.001, 0.001))
    stand.unwritten, stand.append_failures = LATE, 2
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert [entry[1:] for entry in stand.written] == [(3, ["one"]), (4, ["two"])]
    assert stand.stages[-3:] == ["append_messages", "append_messages", "finish"]


async def test_end_waits_for_late_messages_only_so_long(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_call, "TRANSCRIPT_PAUSES_SECONDS", (0.001, 0.001))
    stand.unwritten, stand.append_failures = LATE, 4  # three attempts before the end
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.USER_HANGUP
    assert stand.stages[-3:] == ["finish", "append_messages", "append_messages"]
    assert [entry[1] for entry in stand.written] == [3, 4]


async def test_lost_messages_do_not_keep_the_call_open(stand: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_call, "TRANSCRIPT_PAUSES_SECONDS", (0.001,))
    stand.unwritten, stand.append_failures = LATE, 10**6
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.USER_HANGUP
    assert stand.written == []


async def test_row_has_the_metadata_of_the_saved_assistant_then_of_the_answers(stand: Any) -> None:
    rich(stand)
    saved = stand.route.assistant
    settings = saved.settings.model_copy(update={"metadata": {"crm": 1}})
    stand.route = replace(stand.route, assistant=saved.model_copy(update={"settings": settings}))
    stand.answer = with_override(stand.answer, {"metadata": {"crm": 2}})
    stand.invite()
    await stand.reach("session")
    (row,) = stand.rows.values()
    assert (row.new.metadata, stand.set["metadata"]) == ({"crm": 1}, {"crm": 2})
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


async def test_answer_that_is_too_large_to_store_is_not_valid(stand: Any) -> None:
    rich(stand)
    stand.freeze_error = BodyTooLargeError()
    stand.invite()
    await stand.reach("session")
    assert stand.conversation.assistant is stand.route.assistant
    assert "set_assistant" not in stand.stages
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


async def test_webhook_is_asked_and_its_assistant_frozen(stand: Any) -> None:
    rich(stand)
    stand.invite()
    await stand.reach("session")
    (target, call), *_ = stand.asked
    assert target.url == "https://example.com/hook"
    assert (call.status, call.customer_number, call.phone_number) == ("ringing", "+31612345678", "+31850835037")
    assert stand.conversation.assistant is stand.answer
    assert stand.frozen[-1] is stand.answer
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()


@pytest.mark.parametrize(
    "failure", [WebhookFailedError(Failure.TIMEOUT, "late"), InvalidRequestError(details=["first_message: too long"])]
)
async def test_failed_webhook_lets_the_saved_assistant_take_the_call(stand: Any, failure: Exception) -> None:
    stand.with_webhook()
    if isinstance(failure, WebhookFailedError):
        stand.ask_error = failure
    else:
        stand.answer = failure
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.conversation.assistant is stand.route.assistant
    assert stand.outcome.end_reason is EndReason.USER_HANGUP


async def test_failed_webhook_without_a_saved_assistant_rejects(stand: Any) -> None:
    stand.with_webhook()
    stand.route = replace(stand.route, assistant=None)
    stand.ask_error = WebhookFailedError(Failure.TIMEOUT, "late")
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.NO_ASSISTANT
    assert stand.leg.did == ["reject"]


async def test_hanging_webhook_is_cancelled_when_the_caller_gives_up(stand: Any) -> None:
    stand.with_webhook()
    stand.ask_seconds = 3600
    stand.invite()
    await stand.reach("ask")
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()
    assert stand.outcome.end_reason is EndReason.CALLER_CANCELLED


async def test_rejection_is_answered_spoken_and_ended(stand: Any) -> None:
    stand.with_webhook()
    stand.answer = Rejection("We are closed.")
    stand.invite()
    await stand.over()
    assert stand.announced == ["We are closed."]
    assert stand.leg.did == ["answer", "hang_up"]
    assert stand.outcome.end_reason is EndReason.REJECTED_BY_WEBHOOK
    assert "mark_answered" not in stand.stages


async def test_rejection_is_not_announced_where_the_organization_wants_none(stand: Any) -> None:
    stand.with_webhook()
    stand.route = replace(stand.route, announce_rejections=False)
    stand.answer = Rejection("We are closed.")
    stand.invite()
    await stand.over()
    assert stand.leg.did == ["reject"]
    assert stand.announced == []
    assert stand.outcome.end_reason is EndReason.REJECTED_BY_WEBHOOK


async def test_caller_hanging_up_during_the_announcement_changes_nothing(stand: Any) -> None:
    stand.with_webhook()
    stand.answer = Rejection("We are closed.")
    stand.announce_seconds = 3600
    stand.at["announce"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.REJECTED_BY_WEBHOOK


async def test_caller_without_credits_hears_so(stand: Any) -> None:
    metered(stand)
    stand.credit_error = InsufficientCreditsError()
    stand.invite()
    await stand.over()
    assert stand.announced == [NO_CREDITS_ANNOUNCEMENT]
    assert stand.outcome.end_reason is EndReason.INSUFFICIENT_CREDITS


async def test_caller_of_an_organization_past_its_monthly_minutes_hears_so(stand: Any) -> None:
    stand.route = replace(stand.route, has_minutes=False)
    stand.invite()
    await stand.over()
    assert stand.announced == [NO_CREDITS_ANNOUNCEMENT]
    assert stand.outcome.end_reason is EndReason.INSUFFICIENT_CREDITS
    assert "reserve" not in stand.stages


@pytest.mark.parametrize("payer", ["payer", None])
async def test_conversation_is_metered_when_somebody_pays(stand: Any, payer: str | None) -> None:
    stand.route = replace(stand.route, payer_org_id=payer)
    stand.at["session"] = lambda: stand.leg.close(LegClosedBy.PEER)
    stand.invite()
    await stand.over()
    assert stand.conversation.metered is (payer is not None)


async def test_inactive_assistant_named_by_the_webhook_is_refused(stand: Any) -> None:
    rich(stand)
    stand.answer = stand.answer.model_copy(
        update={"settings": stand.answer.settings.model_copy(update={"is_active": False})}
    )
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.ASSISTANT_INACTIVE


async def test_assistant_without_a_key_is_not_answered(stand: Any) -> None:
    stand.prepare_error = BadKeyError("openai", "no key is configured", retryable=False)
    stand.invite()
    await stand.over()
    assert stand.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert stand.outcome.error == "openai: no key is configured"
    assert stand.leg.did == ["reject"]


@pytest.mark.parametrize(
    ("route", "action", "code"),
    [
        (InboundRefusal(403, "Unknown source", drop=True), "drop", None),
        (InboundRefusal(404, "Unknown number"), "reject", 404),
        (None, "relay", None),
    ],
)
async def test_edge_is_told_what_to_do(stand: Any, route: InboundRefusal | None, action: str, code: int | None) -> None:
    stand.route = route or stand.route
    answer = await stand.director.admit(
        AdmitRequest(source="192.0.2.1", transport="udp", request_uri="sip:+31850835037@h")
    )
    assert (answer.action, answer.code) == (action, code)
    assert (stand.called, stand.source) == ("+31850835037", "192.0.2.1")


async def test_edge_is_told_480_without_capacity(stand: Any) -> None:
    stand.capacity.drain()
    answer = await stand.director.admit(AdmitRequest(source="192.0.2.1", transport="udp", request_uri="sip:x@h"))
    assert (answer.action, answer.code) == ("reject", 480)


async def test_workflow_of_the_number_is_kept_with_the_row_and_followed(stand: Any) -> None:
    assert isinstance(stand.route, InboundRoute)
    settings = WorkflowSettings.model_validate({"name": "Reception", "definition": reception()})
    workflow = RunnableWorkflow("w", "Reception", settings.definition)
    stand.route = replace(stand.route, workflow=workflow)
    stand.invite()
    await stand.reach("session")
    stand.leg.close(LegClosedBy.PEER)
    await stand.over()
    (call_id,) = stand.rows
    assert stand.extra_writes == [f"w org {call_id}"]
    assert stand.conversation.workflow is settings.definition


async def test_call_that_cannot_do_without_an_unreachable_server_is_not_taken(stand: Any) -> None:
    stand.prepare_error = ToolsUnavailableError("mcp", "server x cannot be reached", retryable=False)
    stand.invite()
    await stand.over()
    assert stand.leg.did == ["reject"]
    assert (stand.outcome.end_reason, stand.outcome.error) == (
        EndReason.MCP_UNAVAILABLE, "mcp: server x cannot be reached",
    )  # fmt: skip
