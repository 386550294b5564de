"""One attempt against a real endpoint, whatever that does."""

import base64
import hashlib
import hmac
import socket
import time
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from sovereign.kernel.signing import SigningSecret
from sovereign.webhooks.delivery import AttemptResult, Delivery, DeliveryRef, DeliveryStatus
from sovereign.webhooks.sender import WebhookSender
from sovereign.webhooks.targets import WebhookEvent, WebhookTarget
from tests.component.calls.harness import ORG, START
from tests.integration.webhooks.conftest import Endpoint, allow

DELIVERY = Delivery(
    ref=DeliveryRef(ORG, "2026-11-22T21:00:00.000Z#call-inbound-a.1"),
    call_id="call-inbound-a",
    call_number=1,
    event=WebhookEvent.STATUS_UPDATE,
    fact="call.ringing",
    sequence=1,
    url="",
    status=DeliveryStatus.PENDING,
    created_at=START,
)
BODY = '{"message":{"text":"één"}}'.encode()


def send(url: str, *, seconds: float = 1.0, delivery: Delivery = DELIVERY) -> AttemptResult:
    target = WebhookTarget(url, SigningSecret("s3cret"))
    return WebhookSender(time_limit_seconds=seconds).send(delivery, target, BODY)


def test_the_request_arrives_whole_and_both_signatures_verify(endpoint: Endpoint) -> None:
    result = send(endpoint.url("/ok"))
    assert (result.attempt.status, result.attempt.error, result.attempt.answer) == (200, None, "{}")
    [(headers, body)] = endpoint.requests
    assert body == BODY
    stamp = headers["X-Webhook-Timestamp"]
    assert abs(int(stamp) - time.time()) < 5
    own = hmac.new(b"s3cret", stamp.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    assert headers["X-Webhook-Signature"] == f"sha256={own}"
    signed = b".".join([b"call-inbound-a.1", stamp.encode(), BODY])
    standard = base64.b64encode(hmac.digest(b"s3cret", signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{standard}"
    assert headers["webhook-id"] == "call-inbound-a.1"
    assert headers["User-Agent"] == "HMS-Sovereign/1.0"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Webhook-Event"] == "status-update"


@pytest.mark.parametrize("path", ["/slow", "/drip"])
def test_an_endpoint_that_never_finishes_is_left_in_time(endpoint: Endpoint, path: str) -> None:
    started = time.monotonic()
    result = send(endpoint.url(path), seconds=0.4)
    assert time.monotonic() - started < 2
    assert (result.attempt.status, result.attempt.error, result.slow) == (None, "timeout", True)


def test_a_name_server_that_never_answers_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    over = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10))
    started = time.monotonic()
    result = send("http://hook.sender-waits.test/", seconds=0.4)
    over.set()
    assert time.monotonic() - started < 3
    assert (result.attempt.error, result.slow) == ("timeout", True)


def test_a_dropped_connection_is_a_failure(endpoint: Endpoint) -> None:
    result = send(endpoint.url("/drop"))
    assert (result.attempt.status, result.attempt.error, result.attempt.succeeded) == (None, "unreachable", False)


def test_nobody_listening_is_a_failure(endpoint: Endpoint) -> None:
    assert send("http://127.0.0.1:1/").attempt.error == "unreachable"


def test_a_redirect_is_a_failure_and_not_followed(endpoint: Endpoint) -> None:
    result = send(endpoint.url("/redirect"))
    assert (result.attempt.status, result.attempt.error, result.attempt.succeeded) == (302, "redirect", False)
    assert len(endpoint.requests) == 1


def test_of_a_huge_answer_one_kibibyte_is_kept(endpoint: Endpoint) -> None:
    result = send(endpoint.url("/huge"), seconds=5)
    assert result.attempt.succeeded
    assert result.attempt.answer == "x" * 1024


def test_of_a_private_call_no_answer_is_kept(endpoint: Endpoint) -> None:
    result = send(endpoint.url("/ok"), delivery=replace(DELIVERY, private=True))
    assert (result.attempt.status, result.attempt.answer) == (200, None)


def test_status_gone_and_retry_after_are_understood(endpoint: Endpoint) -> None:
    gone = send(endpoint.url("/status/410"))
    assert (gone.gone, gone.attempt.succeeded) == (True, False)
    busy = send(endpoint.url("/status/503"))
    assert (busy.gone, busy.retry_after, busy.attempt.answer) == (False, timedelta(seconds=120), "no thanks")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::ffff:127.0.0.1]:1/"])
def test_an_address_that_is_not_public_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    allow(monkeypatch, "")
    result = send(url)
    assert (result.attempt.status, result.attempt.error) == (None, "address_refused")
