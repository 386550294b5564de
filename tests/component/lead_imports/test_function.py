"""The function: what each kind of message does, and what comes again."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.import_leads import wiring
from functions.import_leads.handler import handler
from functions.import_leads.messages import import_of, message_of
from sovereign.kernel import aws, settings
from sovereign.lead_imports import writing
from sovereign.lead_imports.files import ImportKey
from tests.component.assistants.fixtures import ORG, UNKNOWN_ID
from tests.component.campaigns.contacts import phone
from tests.component.lead_imports.conftest import Imports

FILE = "phone_number\n" + "".join(f"{phone(i)}\n" for i in range(5))


class Context:
    """A Lambda context: `left` milliseconds remain at each look."""

    def __init__(self, *left: int) -> None:
        self._left = [*left]

    def get_remaining_time_in_millis(self) -> int:
        return self._left.pop(0) if self._left else 300_000


@pytest.fixture
def queue(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = aws.client("sqs").create_queue(QueueName="imports")["QueueUrl"]
    monkeypatch.setenv("IMPORT_QUEUE_URL", url)
    settings.read_environment.cache_clear()
    for made in (wiring.importer, wiring._table):
        made.cache_clear()
    yield url
    for made in (wiring.importer, wiring._table):
        made.cache_clear()
    settings.read_environment.cache_clear()
    aws.client("sqs").delete_queue(QueueUrl=url)


def uploaded(key: str) -> str:
    """As the default bus hands S3's event to the queue."""
    detail = {"bucket": {"name": "imports"}, "object": {"key": key, "size": 1}, "reason": "PostObject"}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def hear(*bodies: str, context: Any = None) -> dict[str, Any]:
    records = [{"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]
    return handler({"Records": records}, context or Context())


def queued(url: str) -> list[ImportKey | None]:
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [import_of(message["Body"]) for message in found]


def test_upload_starts_its_import(imports: Imports, queue: str) -> None:
    key = imports.upload(FILE)
    assert hear(uploaded(key.upload)) == {"batchItemFailures": []}
    assert (imports.shown(key)["status"], imports.campaign().counts.total) == ("completed", 5)
    assert queued(queue) == []


def test_import_that_takes_longer_asks_for_the_next_invocation(
    imports: Imports, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LEADS", 2)
    key = imports.upload(FILE)
    assert hear(uploaded(key.upload), context=Context(59_000)) == {"batchItemFailures": []}
    assert (imports.shown(key)["status"], imports.campaign().counts.total) == ("running", 2)
    assert queued(queue) == [key]
    hear(message_of(key))
    assert (imports.shown(key)["status"], imports.campaign().counts.total) == ("completed", 5)


def test_sweep_finds_the_upload_whose_event_got_lost(imports: Imports, queue: str) -> None:
    imports.pass_time(hours=-2)
    key = imports.offer()
    aws.client("dynamodb").update_item(
        TableName=imports.table.name,
        Key={"pk": {"S": f"ORG#{ORG}#CAMPAIGN#{key.campaign_id}"}, "sk": {"S": f"IMPORT#{key.import_id}"}},
        UpdateExpression="SET due_at = :then",
        ExpressionAttributeValues={":then": {"S": "2020-01-01T00:00:00.000Z"}},
    )
    imports.upload(FILE, key)
    assert handler({"source": "sovereign.schedule", "task": "imports"}, Context()) == {"found": 1}  # type: ignore[arg-type]
    assert queued(queue) == [key]


def test_failed_message_comes_again_and_the_others_do_not(imports: Imports, queue: str) -> None:
    key = imports.upload(FILE)
    failed = hear("no message", uploaded(key.upload), uploaded("uploads/elsewhere.csv"), '{"org_id": "x"}')
    assert failed == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m3"}]}
    assert imports.shown(key)["status"] == "completed"


def test_key_of_an_upload_names_its_import_and_no_other_does() -> None:
    key = ImportKey(ORG, UNKNOWN_ID, ORG)
    assert ImportKey.of_upload(key.upload) == key
    for other in (key.source, key.errors, f"{key.upload}x", f"x{key.upload}", "uploads/a/b/c.csv"):
        assert ImportKey.of_upload(other) is None
