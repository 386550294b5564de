import json
from typing import Any

import pytest

from functions.deliver_webhook import handler as entry
from sovereign.webhooks.delivery import DeliveryRef
from sovereign.webhooks.facts import FactNotice
from sovereign.webhooks.queue import QueuedAttempt
from tests.component.calls.harness import ORG

FACT = {
    "source": "sovereign.calls",
    "detail-type": "call.ended",
    "detail": {
        "fact_id": "call-inbound-a.3",
        "org_id": ORG,
        "call_id": "call-inbound-a",
        "call_number": 7,
        "sequence": 3,
        "occurred_at": "2026-11-22T21:00:00.000Z",
        "status": "ended",
        "end_reason": "user_hangup",
    },
}
QUEUED = QueuedAttempt(DeliveryRef(ORG, "2026-11-22T21:00:00.000Z#call-inbound-a.3"), 2)


class Recorder:
    def __init__(self) -> None:
        self.facts: list[FactNotice] = []
        self.queued: list[QueuedAttempt] = []

    def deliver_fact(self, fact: FactNotice) -> None:
        if fact.call.call_id == "broken":
            raise RuntimeError
        self.facts.append(fact)

    def deliver_queued(self, queued: QueuedAttempt) -> None:
        self.queued.append(queued)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(entry, "deliverer", lambda: made)
    return made


def run(*bodies: str) -> Any:
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    return entry.handler({"Records": records}, None)  # type: ignore[arg-type]


def test_facts_and_queued_attempts_are_told_apart(recorder: Recorder) -> None:
    assert run(json.dumps(FACT), QUEUED.to_body()) == {"batchItemFailures": []}
    assert [(f.name, f.sequence, f.status) for f in recorder.facts] == [("call.ended", 3, "ended")]
    assert recorder.queued == [QUEUED]


def test_events_no_webhook_tells_are_done(recorder: Recorder) -> None:
    other = FACT | {"source": "sovereign.campaigns"}
    assert run(json.dumps(other), json.dumps(FACT | {"detail-type": "call.moved"})) == {"batchItemFailures": []}
    assert recorder.facts == []


def test_only_what_failed_comes_back(recorder: Recorder) -> None:
    broken = json.dumps(FACT | {"detail": FACT["detail"] | {"call_id": "broken"}})  # type: ignore[operator]
    answer = run("not json", json.dumps(FACT), broken, json.dumps(FACT | {"detail": {}}))
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["0", "2", "3"]
    assert len(recorder.facts) == 1
