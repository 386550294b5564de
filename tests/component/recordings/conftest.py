from collections.abc import Iterator

import pytest

from sovereign.kernel import aws
from sovereign.recordings.storage import Recordings
from tests.component.calls.harness import CountingTable, moto_table

BUCKET = "recordings"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingTable]:
    with moto_table(monkeypatch) as made:
        yield made


@pytest.fixture
def recordings(table: CountingTable) -> Recordings:
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return Recordings(BUCKET)
