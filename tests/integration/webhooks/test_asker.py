"""Questions of a running call against a real endpoint."""

import json
import time
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from sovereign.kernel.egress import async_client
from sovereign.webhooks.answers import MAX_ANSWER_BYTES, Failure, WebhookFailedError
from sovereign.webhooks.asker import WebhookAsker
from sovereign.webhooks.bodies import CallDescription, ToolCallRequest
from sovereign.webhooks.targets import WebhookTarget
from tests.integration.webhooks.conftest import Endpoint

CALL = CallDescription("call-inbound-a", "inbound", "ringing", customer_number="+31612345678")
REQUEST = ToolCallRequest("tool_1", "book_appointment", {"day": "Tuesday"})


@pytest.fixture
async def asker() -> AsyncIterator[WebhookAsker]:
    async with async_client() as client:
        made = WebhookAsker(client, assistant_request_seconds=0.4, tool_call_seconds=0.4)
        yield made
        await made.close()


async def test_an_assistant_request_is_answered(endpoint: Endpoint, asker: WebhookAsker) -> None:
    answer = quote(json.dumps({"assistant": {"first_message": "Hi"}}))
    got = await asker.assistant_request(WebhookTarget(endpoint.url(f"/echo?answer={answer}")), CALL)
    assert got == {"assistant": {"first_message": "Hi"}}
    [(headers, body)] = endpoint.requests
    assert headers["X-Webhook-Event"] == "assistant-request"
    assert "X-Webhook-Signature" not in headers
    assert json.loads(body)["message"]["customer"] == {"number": "+31612345678"}


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("/slow", Failure.TIMEOUT),
        ("/drip", Failure.TIMEOUT),
        ("/drop", Failure.UNREACHABLE),
        ("/redirect", Failure.BAD_STATUS),
        ("/status/500", Failure.BAD_STATUS),
        ("/huge", Failure.INVALID_ANSWER),
        ("/echo?answer=words", Failure.INVALID_ANSWER),
    ],
)
async def test_an_assistant_request_fails_in_time_and_says_how(
    endpoint: Endpoint, asker: WebhookAsker, path: str, failure: Failure
) -> None:
    started = time.monotonic()
    with pytest.raises(WebhookFailedError) as failed:
        await asker.assistant_request(WebhookTarget(endpoint.url(path)), CALL)
    assert failed.value.failure is failure
    assert time.monotonic() - started < 3


async def test_a_tools_result_comes_back(endpoint: Endpoint, asker: WebhookAsker) -> None:
    answer = quote(json.dumps({"results": [{"tool_call_id": "tool_1", "result": {"booked": True}}]}))
    got = await asker.tool_call(WebhookTarget(endpoint.url(f"/echo?answer={answer}")), CALL, REQUEST)
    assert (got.ok, got.result, got.for_model()) == (True, {"booked": True}, '{"booked": true}')
    message = json.loads(endpoint.requests[0][1])["message"]
    assert message["tool_call_list"][0]["function"] == {"name": "book_appointment", "arguments": {"day": "Tuesday"}}


@pytest.mark.parametrize(("path", "failure"), [("/slow", Failure.TIMEOUT), ("/status/404", Failure.BAD_STATUS)])
async def test_a_tool_that_fails_tells_the_model_why(
    endpoint: Endpoint, asker: WebhookAsker, path: str, failure: Failure
) -> None:
    got = await asker.tool_call(WebhookTarget(endpoint.url(path)), CALL, REQUEST)
    assert (got.ok, got.failure) == (False, failure)
    assert "127.0.0.1" not in got.for_model()


async def test_of_a_huge_tool_answer_64_kib_are_taken(endpoint: Endpoint, asker: WebhookAsker) -> None:
    got = await asker.tool_call(WebhookTarget(endpoint.url("/huge")), CALL, REQUEST)
    assert got.result == "x" * MAX_ANSWER_BYTES


async def test_an_asynchronous_tool_is_sent_and_not_waited_for(endpoint: Endpoint, asker: WebhookAsker) -> None:
    started = time.monotonic()
    asker.start_tool_call(WebhookTarget(endpoint.url("/slow")), CALL, REQUEST)
    assert time.monotonic() - started < 0.1
    await asker.close()
    assert len(endpoint.requests) == 1
