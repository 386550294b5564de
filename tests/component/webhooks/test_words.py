"""What is said and heard: targets, bodies, answers, the schedule."""

import json
from datetime import timedelta
from typing import Any, get_args

import pytest

from sovereign.kernel.clock import from_wire
from sovereign.webhooks import bodies
from sovereign.webhooks.answers import Failure, WebhookFailedError, parse_assistant_answer, parse_tool_answer
from sovereign.webhooks.bodies import CallDescription, Report, ToolCallRequest
from sovereign.webhooks.schedule import next_attempt_at, parse_retry_after
from sovereign.webhooks.targets import WebhookEvent, WebhookEventName, WebhookSettings, WebhookTarget, choose_target
from tests.component.calls.harness import START

ASSISTANT, ACCOUNT = WebhookSettings("https://assistant/"), WebhookSettings("https://account/")
TOOL = WebhookTarget("https://tool/")
CALL = CallDescription("call-web-1", "web", "ended", assistant={"metadata": {"crm": "é"}})


def test_every_event_can_be_subscribed_to_by_its_name() -> None:
    assert [event.value for event in WebhookEvent] == list(get_args(WebhookEventName))


def test_a_tools_url_takes_its_own_calls_only() -> None:
    assert choose_target(WebhookEvent.TOOL_CALLS, assistant=ASSISTANT, tool=TOOL) == TOOL
    chosen = choose_target(WebhookEvent.STATUS_UPDATE, assistant=ASSISTANT, tool=TOOL)
    assert chosen == WebhookTarget("https://assistant/")


def test_the_chosen_levels_list_decides_alone() -> None:
    deaf = WebhookSettings("https://assistant/", events=["tool-calls"])
    assert choose_target(WebhookEvent.STATUS_UPDATE, assistant=deaf, account=ACCOUNT) is None
    assert choose_target(WebhookEvent.STATUS_UPDATE, account=ACCOUNT) == WebhookTarget("https://account/")
    assert choose_target(WebhookEvent.STATUS_UPDATE) is None


def test_a_web_call_has_null_numbers() -> None:
    message = json.loads(bodies.status_update(CALL, START, end_reason="user_hangup"))["message"]
    assert message == {
        "type": "status-update",
        "timestamp": "2026-11-22T21:00:00.000Z",
        "call": {"id": "call-web-1", "type": "web_call", "status": "ended", "pipeline": "standard"},
        "phone_number": {"id": None, "number": None, "name": None},
        "customer": {"number": None},
        "assistant": {"metadata": {"crm": "é"}},
        "end_reason": "user_hangup",
    }


def test_tool_calls_carry_their_arguments_as_an_object() -> None:
    request = ToolCallRequest("tool_1", "book", {"day": "Tuesday"})
    message = json.loads(bodies.tool_calls(CALL, [request], START))["message"]
    assert message["tool_call_list"] == [
        {"id": "tool_1", "type": "function", "function": {"name": "book", "arguments": {"day": "Tuesday"}}}
    ]


def test_a_report_leaves_out_what_there_is_not_but_never_the_summary() -> None:
    empty = Report(0, "dial_busy", None, START, "", [])
    message = json.loads(bodies.end_of_call_report(CALL, empty, START))["message"]
    assert (message["summary"], message["duration_seconds"], message["messages"]) == ("", 0, [])
    assert (message["started_at"], message["ended_at"], message["cost"]) == (None, "2026-11-22T21:00:00.000Z", None)
    assert not {"analysis", "analysis_error", "recording_url", "transfer"} & message.keys()


@pytest.mark.parametrize(
    ("raw", "result"),
    [
        ('{"results":[{"tool_call_id":"other","result":1},{"tool_call_id":"t","result":{"a":2}}]}', {"a": 2}),
        ('{"result": null}', None),
        ('{"booked": true}', {"booked": True}),
        ("[1, 2]", [1, 2]),
        ("plain words", "plain words"),
        ("", ""),
        ('{"broken": ', '{"broken": '),
        ("NaN", "NaN"),
        ("[" * 100_000, "[" * 100_000),
        ('{"error": null, "ok": 1}', {"error": None, "ok": 1}),
    ],
)
def test_what_a_tool_may_answer(raw: str, result: Any) -> None:
    answer = parse_tool_answer(raw.encode(), "t")
    assert (answer.result, answer.ok) == (result, True)


def test_a_tools_error_is_told_to_the_model() -> None:
    answer = parse_tool_answer(b'{"error": "no such customer"}', "t")
    assert (answer.ok, answer.failure, json.loads(answer.for_model())) == (
        False,
        None,
        {"error": "no such customer"},
    )


def test_results_without_this_call_are_a_failure() -> None:
    answer = parse_tool_answer(b'{"results":[{"tool_call_id":"other","result":1}]}', "t")
    assert (answer.ok, answer.failure) == (False, Failure.INVALID_ANSWER)


def test_bytes_that_are_no_text_still_can_be_stored() -> None:
    parse_tool_answer(b"\xff\xfe", "t").for_model().encode()
    answer = parse_tool_answer(b'{"result": "half \\ud83d pair"}', "t")
    answer.for_model().encode()


@pytest.mark.parametrize("raw", [b"", b"  ", b"{}"])
def test_an_empty_answer_means_the_saved_assistant(raw: bytes) -> None:
    assert parse_assistant_answer(raw) == {}


@pytest.mark.parametrize("raw", [b"[]", b"hello", b'"x"', b"null"])
def test_an_assistant_answer_must_be_an_object(raw: bytes) -> None:
    with pytest.raises(WebhookFailedError) as failed:
        parse_assistant_answer(raw)
    assert failed.value.failure is Failure.INVALID_ANSWER


def test_the_eighth_failure_gives_up() -> None:
    assert next_attempt_at("d", failures=7, now=START) is not None
    assert next_attempt_at("d", failures=8, now=START) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("Sun, 22 Nov 2026 21:02:00 GMT", 120),
        ("Sun, 22 Nov 2026 20:00:00 GMT", 0),
        ("99999999999999", 86400),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_in_either_form(header: str | None, seconds: int | None) -> None:
    wait = parse_retry_after(header, from_wire("2026-11-22T21:00:00Z"))
    assert wait == (None if seconds is None else timedelta(seconds=seconds))
