"""The whole way: a message of the queue, the function as it is wired, a real cipher, a real endpoint."""

import base64
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.deliver_webhook import handler as entry
from functions.deliver_webhook import wiring
from sovereign.assistants import EffectiveAssistant
from sovereign.assistants.settings import AssistantMembers
from sovereign.calls import keys
from sovereign.calls.events import fact_detail
from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore
from sovereign.catalog.problems import validate
from sovereign.kernel import aws, encryption
from sovereign.kernel.table import Put, Table
from sovereign.organizations.items import to_item
from sovereign.organizations.model import Organization
from tests.component.calls.harness import ORG, START, moto_table, new_call
from tests.integration.webhooks.conftest import Endpoint, forget_environment

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    with moto_table(monkeypatch) as made:
        sqs = aws.client("sqs")
        monkeypatch.setenv("DELIVERY_QUEUE_URL", sqs.create_queue(QueueName="deliveries")["QueueUrl"])
        monkeypatch.setenv("DELIVERY_DEAD_LETTER_QUEUE_URL", sqs.create_queue(QueueName="dead")["QueueUrl"])
        monkeypatch.setenv("KMS_KEY_ID", aws.client("kms").create_key()["KeyMetadata"]["KeyId"])
        _forget()
        organization = Organization(ORG, "Riverside", None, "unlimited", 0, START, START)
        made.put(Put(to_item(organization)))
        yield made
        _forget()


def _forget() -> None:
    forget_environment()
    encryption.default_cipher.cache_clear()
    wiring.deliverer.cache_clear()


def ringing_call(table: Table, url: str) -> CallRef:
    call = new_call(ringing=True, number_id="33333333-3333-4333-8333-333333333333")
    members = {
        "llm_config": {"provider": "local", "model": "intents"},
        "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
        "tts_config": {"provider": "local", "voice_id": "heart"},
        "webhook_url": url,
        "webhook_secret": SECRET,
    }
    assistant = EffectiveAssistant(settings=validate(AssistantMembers, members, ""))
    frozen = assistant.freeze(encryption.default_cipher(), org_id=ORG, call_id=call.call_id)
    return CallStore(table, cipher=encryption.default_cipher()).starts.create(call, frozen_assistant=frozen).ref


def deliver(table: Table, ref: CallRef) -> Any:
    item = table.get(keys.fact_ref(ref, 1))
    assert item is not None
    event = {"source": "sovereign.calls", "detail-type": item["fact"], "detail": fact_detail(item)}
    return entry.handler({"Records": [{"messageId": "m", "body": json.dumps(event)}]}, None)  # type: ignore[arg-type]


def test_a_fact_reaches_the_endpoint_signed_and_is_recorded(table: Table, endpoint: Endpoint) -> None:
    ref = ringing_call(table, endpoint.url("/ok"))
    assert deliver(table, ref) == {"batchItemFailures": []}
    [(headers, body)] = endpoint.requests
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.digest(b"a secret of thirty-two bytes....", signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    message = json.loads(body)["message"]
    assert (message["call"]["id"], message["call"]["status"]) == (ref.call_id, "ringing")
    [record] = table.query(f"ORG#{ORG}#DELIVERIES")
    assert (record["status"], record["attempts"][0]["status"]) == ("delivered", 200)
    stored = json.dumps(list(table.query(keys.own_key(ORG, ref.call_id))), default=str)
    assert SECRET not in stored
    assert "+31612345678" not in stored


def test_a_failure_is_queued_again(table: Table, endpoint: Endpoint) -> None:
    ref = ringing_call(table, endpoint.url("/status/500"))
    deliver(table, ref)
    [record] = table.query(f"ORG#{ORG}#DELIVERIES")
    assert (record["status"], record["attempts"][0]["status"], record["attempts"][0]["answer"]) == (
        "pending",
        500,
        "no thanks",
    )
    assert deliver(table, ref) == {"batchItemFailures": []}
    assert len(endpoint.requests) == 1
