"""What the tests of assistants, numbers and trunks share: a table and a key in moto, and a client of their routes."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from fastapi import APIRouter
from moto import mock_aws
from starlette.testclient import TestClient

from sovereign.api_keys.store import creation_writes, new_api_key
from sovereign.http import create_app
from sovereign.kernel import aws, settings
from sovereign.kernel.addresses import allowed_networks
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import Cipher, default_cipher
from sovereign.kernel.ids import new_id
from sovereign.kernel.secrets import forget_secrets
from sovereign.kernel.table import Put, Table
from sovereign.organizations.items import to_item
from sovereign.organizations.model import Organization

ORG = "11111111-1111-4111-8111-111111111111"
OTHER_ORG = "22222222-2222-4222-8222-222222222222"
UNKNOWN_ID = "99999999-9999-4999-8999-999999999999"
INDEXES = {
    "gsi1": ("gsi1pk", "gsi1sk"),
    "gsi2": ("gsi2pk", "gsi2sk"),
    "gsi3": ("gsi3pk", "gsi3sk"),
    "due": ("due_shard", "due_at"),
}
Api = Callable[..., TestClient]
Requests = list[str]


@pytest.fixture(scope="module")
def cloud() -> Iterator[None]:
    """One moto for a module's tests: making clients is what takes long."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name, value in {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "SIGNING_SECRET_ID": "signing",
            "DEFAULT_PROVIDERS": "local",
        }.items():
            environment.setenv(name, value)
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        environment.delenv("EGRESS_ALLOWED_CIDRS", raising=False)
        _forget()
        aws.client("secretsmanager").create_secret(Name="signing", SecretString="0" * 64)
        environment.setenv("KMS_KEY_ID", boto3.client("kms").create_key()["KeyMetadata"]["KeyId"])
        yield
    _forget()


@pytest.fixture
def table(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """A table of the test's own, with two organizations in it; gone afterwards: moto copies all there are for every
    transaction."""
    name = f"sovereign-{new_id()}"
    monkeypatch.setenv("TABLE_NAME", name)
    settings.read_environment.cache_clear()
    _make_table(name)
    made = Table(name)
    for org_id in (ORG, OTHER_ORG):
        made.put(Put(to_item(organization(org_id))))
    yield made
    aws.client("dynamodb").delete_table(TableName=name)


@pytest.fixture
def cipher(table: Table) -> Cipher:
    return default_cipher()


@pytest.fixture
def api(table: Table) -> Api:
    def build(*routers: APIRouter, org_id: str = ORG) -> TestClient:
        key, secret = new_api_key(org_id, "test", None, utc_now())
        table.transact(creation_writes(key, None))
        headers = {"Authorization": f"Bearer {secret}"}
        return TestClient(
            create_app(*routers), base_url="http://api/api/v1/", headers=headers, raise_server_exceptions=False
        )

    return build


@pytest.fixture
def requests_made(table: Table) -> Iterator[Requests]:
    """The operations sent to the table, those of the frame (authentication) left out."""
    made: Requests = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if "APIKEY#" not in str(params.get("body", "")):
            made.append(model.name)

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb", note)
    yield made
    events.unregister("before-call.dynamodb", note)


def organization(org_id: str, **members: Any) -> Organization:
    now = utc_now()
    known = {"name": "Test", "parent_org_id": None, "billing_mode": "unlimited", "minutes_balance": 0}
    return Organization(**{"id": org_id, **known, "created_at": now, "updated_at": now, **members})


def _make_table(name: str) -> None:
    attributes = {"pk", "sk"} | {a for keys in INDEXES.values() for a in keys}
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in sorted(attributes)],
        KeySchema=_key_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": _key_schema(*keys), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for index, keys in INDEXES.items()
        ],
    )


def _key_schema(hash_name: str, range_name: str) -> Any:
    return [{"AttributeName": hash_name, "KeyType": "HASH"}, {"AttributeName": range_name, "KeyType": "RANGE"}]


def _forget() -> None:
    made: Any = aws.client  # whose overloads hide that it is cached
    made.cache_clear()
    settings.read_environment.cache_clear()
    default_cipher.cache_clear()
    allowed_networks.cache_clear()
    forget_secrets()
