"""A table in moto as the template defines it, a clock set by hand, a cipher that shows what it was given."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

import pytest
from moto import mock_aws

from sovereign.calls.model import NewCall
from sovereign.kernel import aws, ids, settings
from sovereign.kernel.table import Table

ORG = "11111111-1111-4111-8111-111111111111"
OTHER_ORG = "22222222-2222-4222-8222-222222222222"
START = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
CALLER, OWN = "+31612345678", "+31850835037"

_INDEXES = {
    "gsi1": ("gsi1pk", "gsi1sk"),
    "gsi2": ("gsi2pk", "gsi2sk"),
    "gsi3": ("gsi3pk", "gsi3sk"),
    "due": ("due_shard", "due_at"),
}


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


class ReversibleCipher:
    """Not a cipher: it binds a text to its context, so that a test sees what was encrypted for whom."""

    def encrypt(self, text: str, *, org_id: str, resource: str) -> str:
        return base64.b64encode(json.dumps([org_id, resource, text]).encode()).decode()

    def decrypt(self, token: str, *, org_id: str, resource: str) -> str:
        bound_org, bound_resource, text = json.loads(base64.b64decode(token))
        assert (bound_org, bound_resource) == (org_id, resource)
        return str(text)


class CountingTable(Table):
    """Counts requests, and lets one at a time through: moto has no isolation between threads, DynamoDB has."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.requests = 0
        real, lock = self._client, Lock()

        class Counting:
            exceptions = real.exceptions

            def __getattr__(_, operation: str) -> Callable[..., object]:  # noqa: N805
                def send(**request: object) -> object:
                    with lock:
                        self.requests += 1
                        return getattr(real, operation)(**request)

                return send

        self._client = Counting()  # type: ignore[assignment]


@contextmanager
def moto_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingTable]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "TABLE_NAME": "sovereign",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        forget_process_caches()
        _create("sovereign")
        yield CountingTable("sovereign")
    forget_process_caches()


def forget_process_caches() -> None:
    # clients stay: moto answers whichever was made, and making one takes half a second
    settings.read_environment.cache_clear()


def new_call(**changes: object) -> NewCall:
    known: dict[str, object] = {
        "org_id": ORG,
        "call_id": ids.new_call_id("inbound"),
        "direction": "inbound",
        "caller_phone": CALLER,
        "assistant_phone": OWN,
        "agent_id": "agent-1",
        "agent_name": "Reception",
        "business_name": "Riverside",
        "number_id": "number-1",
    }
    return NewCall(**(known | changes))  # type: ignore[arg-type]


def new_outbound(**changes: object) -> NewCall:
    return new_call(**({"call_id": ids.new_call_id("outbound"), "direction": "outbound"} | changes))


def _create(name: str) -> None:
    attributes = sorted({"pk", "sk", *(key for pair in _INDEXES.values() for key in pair)})
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in attributes],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [{"AttributeName": pk, "KeyType": "HASH"}, {"AttributeName": sk, "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, (pk, sk) in _INDEXES.items()
        ],
    )
