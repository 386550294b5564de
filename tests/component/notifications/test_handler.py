"""The queue's messages: events of the bus and queued attempts."""

import json
from typing import Any

import pytest

from functions.send_notification import handler as entry
from sovereign.calls.model import CallRef
from sovereign.notifications.store import DueMail
from sovereign.webhooks.facts import FactNotice
from tests.component.calls.harness import ORG

EVENT: dict[str, Any] = {
    "source": "sovereign.calls",
    "detail-type": "call.reported",
    "detail": {
        "fact_id": "call-inbound-a.4",
        "org_id": ORG,
        "call_id": "call-inbound-a",
        "call_number": 7,
        "sequence": 4,
        "occurred_at": "2026-11-22T21:00:00.000Z",
        "status": "ended",
        "end_reason": "user_hangup",
    },
}
QUEUED = {"notification": {"org_id": ORG, "call_id": "call-inbound-a", "call_number": 7, "attempts": 2}}


class Recorder:
    def __init__(self) -> None:
        self.facts: list[FactNotice] = []
        self.attempts: list[DueMail] = []

    def notify(self, fact: FactNotice) -> None:
        if fact.call.call_id == "broken":
            raise RuntimeError
        self.facts.append(fact)

    def attempt(self, mail: DueMail) -> None:
        self.attempts.append(mail)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(entry, "notifier", lambda: made)
    return made


def run(*bodies: str) -> list[str]:
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = entry.handler({"Records": records}, None)  # type: ignore[arg-type]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_reports_and_queued_attempts_are_told_apart(recorder: Recorder) -> None:
    assert run(json.dumps(EVENT), json.dumps(QUEUED)) == []
    assert [fact.call for fact in recorder.facts] == [CallRef(ORG, "call-inbound-a", 7)]
    assert recorder.attempts == [DueMail(CallRef(ORG, "call-inbound-a", 7), 2)]


def test_other_facts_are_no_mail(recorder: Recorder) -> None:
    assert run(json.dumps(EVENT | {"detail-type": "call.ended"}), json.dumps(EVENT | {"source": "other"})) == []
    assert recorder.facts == []


def test_only_what_failed_comes_back(recorder: Recorder) -> None:
    broken = json.dumps(EVENT | {"detail": EVENT["detail"] | {"call_id": "broken"}})
    assert run("not json", json.dumps(EVENT), broken, json.dumps({"notification": {}})) == ["0", "2", "3"]
    assert len(recorder.facts) == 1
