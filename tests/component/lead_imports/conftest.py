"""A campaign, a bucket, and somebody who uploads files and works them off."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from sovereign.campaigns import CampaignStore
from sovereign.campaigns.model import Campaign
from sovereign.kernel import aws
from sovereign.kernel.clock import utc_now
from sovereign.kernel.table import Table
from sovereign.lead_imports.files import ImportFiles, ImportKey
from sovereign.lead_imports.importer import Importer
from tests.component.assistants.fixtures import ORG
from tests.component.campaigns.conftest import agent_id, api, bucket, cipher, client, cloud, draft, requests_made, table

__all__ = ["agent_id", "api", "bucket", "cipher", "client", "cloud", "draft", "requests_made", "table"]


class KilledError(BaseException):
    """The function ends where it stands."""


@dataclass
class Imports:
    """Imports into one campaign. `now` moves by hand."""

    client: TestClient
    table: Table
    bucket: str
    campaign_id: str
    now: datetime = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        self.importer = Importer(self.table, ImportFiles(self.bucket), clock=lambda: self.now, sleep=lambda _: None)

    def offer(self) -> ImportKey:
        """A new import."""
        answer = self.client.post(f"campaigns/{self.campaign_id}/imports")
        assert answer.status_code == 201, answer.text
        return ImportKey(ORG, self.campaign_id, answer.json()["import"]["id"])

    def upload(self, content: str | bytes, key: ImportKey | None = None) -> ImportKey:
        """Put a file where the address leads."""
        key = key or self.offer()
        body = content.encode() if isinstance(content, str) else content
        aws.client("s3").put_object(Bucket=self.bucket, Key=key.upload, Body=body)
        return key

    def work(self, key: ImportKey, pieces: int | None = None) -> str:
        """One run, which has time for so many pieces."""
        left = iter(range(pieces - 1)) if pieces else None
        return self.importer.run(key, time_is_left=lambda: left is None or next(left, None) is not None)

    def run(self, content: str | bytes) -> dict[str, Any]:
        """Upload a file and work it off; the import afterwards."""
        key = self.upload(content)
        assert self.work(key) == "done"
        return self.shown(key)

    def shown(self, key: ImportKey) -> dict[str, Any]:
        """An import as the API shows it."""
        shown: dict[str, Any] = self.client.get(f"campaigns/{key.campaign_id}/imports/{key.import_id}").json()["import"]
        return shown

    def tally(self, key: ImportKey) -> dict[str, int]:
        """Its rows by what became of them."""
        return tally(self.shown(key))

    def errors(self, key: ImportKey) -> list[str]:
        """The lines of the error file."""
        answer = aws.client("s3").get_object(Bucket=self.bucket, Key=key.errors)
        return answer["Body"].read().decode().splitlines()

    def objects(self) -> list[str]:
        """The keys of what lies in the bucket."""
        return [o["Key"] for o in aws.client("s3").list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def campaign(self) -> Campaign:
        """The campaign as it is."""
        return CampaignStore(self.table).get(ORG, self.campaign_id)

    def leads(self) -> list[dict[str, Any]]:
        """Its leads."""
        leads: list[dict[str, Any]] = self.client.get(f"campaigns/{self.campaign_id}/leads").json()["leads"]
        return leads

    def pass_time(self, **amount: float) -> None:
        """Move the clock."""
        self.now += timedelta(**amount)


def tally(shown: dict[str, Any]) -> dict[str, int]:
    """Rows by what became of them."""
    return {n: shown[f"{n}_rows"] for n in ("imported", "skipped", "duplicate", "invalid")}


@pytest.fixture
def imports(client: TestClient, table: Table, bucket: str, draft: dict[str, Any]) -> Imports:
    made = client.post("campaigns", json=draft).json()["campaign"]
    return Imports(client, table, bucket, made["id"])


@pytest.fixture
def kill_at(table: Table, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, bool], None]]:
    """Kills whoever makes the n-th transaction from now on, before it is committed or after."""

    whole = table.transact

    def arm(place: int, committed: bool) -> None:
        made = iter(range(place))

        def failing(writes: Any) -> None:
            if next(made, None) is not None:
                return whole(writes)
            monkeypatch.setattr(table, "transact", whole)
            if committed:
                whole(writes)
            raise KilledError

        monkeypatch.setattr(table, "transact", failing)

    yield arm
    monkeypatch.setattr(table, "transact", whole)
