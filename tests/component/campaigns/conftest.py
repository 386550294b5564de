"""The shared fixtures of this area."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.assistants.router import router as assistants
from functions.campaigns.router import router as campaigns
from functions.numbers.router import router as numbers
from sovereign.kernel import aws, settings
from sovereign.kernel.ids import new_id
from sovereign.kernel.table import Table
from tests.component.assistants.fixtures import Api, api, cipher, cloud, requests_made, table
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World

__all__ = ["agent_id", "api", "bucket", "cipher", "client", "cloud", "draft", "requests_made", "table", "world"]


@pytest.fixture
def bucket(table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The bucket of imports, empty."""
    name = f"imports-{new_id()}"
    monkeypatch.setenv("IMPORTS_BUCKET", name)
    settings.read_environment.cache_clear()
    place: Any = {"LocationConstraint": "eu-west-1"}
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    yield name
    settings.read_environment.cache_clear()


@pytest.fixture
def client(api: Api, bucket: str) -> TestClient:
    return api(campaigns, assistants, numbers)


@pytest.fixture
def agent_id(client: TestClient) -> str:
    made: str = client.post("assistants", json={"name": "Caller"}).json()["assistant"]["id"]
    return made


@pytest.fixture
def draft(agent_id: str) -> dict[str, Any]:
    """The body of a campaign."""
    return {
        "name": "Spring",
        "agent_id": agent_id,
        "schedule_start_time": "09:00",
        "schedule_end_time": "17:30:00",
        "timezone": "Europe/Amsterdam",
    }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A calm one whose campaign may call."""
    monkeypatch.setenv("DEFAULT_PROVIDERS", "local")
    made = World(3, calm=True)
    made.campaigns.update(ORG, made.campaign_id, {"status": "scheduled"})
    return made
