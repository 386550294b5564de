"""A table in moto and apps on it."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from fastapi import APIRouter
from moto import mock_aws
from starlette.testclient import TestClient

from sovereign.api_keys.store import creation_writes, new_api_key
from sovereign.http import create_app
from sovereign.kernel import addresses, aws, encryption, secrets, settings
from sovereign.kernel.clock import utc_now
from sovereign.kernel.table import Table

ORG = "11111111-1111-4111-8111-111111111111"
MakeKey = Callable[..., str]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "TABLE_NAME": "sovereign",
        "SIGNING_SECRET_ID": "signing",
        "EGRESS_ALLOWED_CIDRS": "",
        "DEFAULT_PROVIDERS": "local",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(aws, "client", _client)
    with mock_aws():
        _forget_process_caches()
        make_table("sovereign")
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        monkeypatch.setenv("KMS_KEY_ID", key)
        aws.client("secretsmanager").create_secret(Name="signing", SecretString="0" * 64)
        yield Table("sovereign")
    _forget_process_caches()


@pytest.fixture
def make_key(table: Table) -> MakeKey:
    def make(org_id: str = ORG, *, limit: int | None = 100, parent: str | None = None) -> str:
        key, secret = new_api_key(org_id, "test", limit, utc_now())
        table.transact(creation_writes(key, parent))
        return secret

    return make


@pytest.fixture
def client_for(table: Table) -> Callable[..., TestClient]:
    def build(*routers: APIRouter, key: str | None = None) -> TestClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return TestClient(create_app(*routers), headers=headers, raise_server_exceptions=False)

    return build


def make_table(name: str) -> None:
    """The table as the template defines it."""
    indexes = {"gsi1": ("gsi1pk", "gsi1sk"), "gsi2": ("gsi2pk", "gsi2sk"), "gsi3": ("gsi3pk", "gsi3sk")}
    indexes["due"] = ("due_shard", "due_at")
    attributes = sorted({"pk", "sk", *(a for pair in indexes.values() for a in pair)})
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in attributes],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [{"AttributeName": h, "KeyType": "HASH"}, {"AttributeName": r, "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, (h, r) in indexes.items()
        ],
    )


@cache
def _client(service: Any) -> Any:
    """Clients outlive a test (they hold no state, and making one takes longer than most tests)."""
    return boto3.client(service, region_name="eu-west-1")


def _forget_process_caches() -> None:
    settings.read_environment.cache_clear()
    secrets.forget_secrets()
    encryption.default_cipher.cache_clear()
    addresses.allowed_networks.cache_clear()
