"""What a far page costs next to a near one: `GET /calls` and `GET /usage` of an organization with a long past.

In this process against moto, whose queries evaluate, count and cut pages as DynamoDB's do. Rows come from the stores'
own item builders, the pages through the stores. 20,000 calls load in a minute or two; `make soak` does 100,000.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from bench.table import Row

if TYPE_CHECKING:
    from tests.contract.history import History

ROWS = 20_000
TABLE = "sovereign"
ORGANIZATION = "11111111-1111-4111-8111-111111111111"
LIMIT = 100
NEAR = 10
_ACCOUNT, _REGION = "123456789012", "eu-west-1"
_INDEXES = {
    "gsi1": ("gsi1pk", "gsi1sk"),
    "gsi2": ("gsi2pk", "gsi2sk"),
    "gsi3": ("gsi3pk", "gsi3sk"),
    "due": ("due_shard", "due_at"),
}


@contextmanager
def loaded_table(rows: int, seed: int = 1) -> Iterator["History"]:
    """A table in this process with `rows` calls and their usage."""
    os.environ.update({"AWS_DEFAULT_REGION": _REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"})
    with mock_aws():
        from sovereign.kernel.attribute_values import to_attributes  # noqa: PLC0415 - all of it inside the mock
        from tests.contract.history import make_history  # noqa: PLC0415

        client = boto3.client("dynamodb", region_name=_REGION)
        _create(client)
        past = make_history(ORGANIZATION, rows, seed)
        table = dynamodb_backends[_ACCOUNT][_REGION].get_table(TABLE)
        for item in past.items():
            if not item["sk"].startswith("CALL#"):  # a page reads no look-ups
                table.put_item(to_attributes(item))
        yield past


def _create(client: Any) -> None:
    keys = sorted({name for pair in [("pk", "sk"), *_INDEXES.values()] for name in pair})
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {"IndexName": name, "KeySchema": _schema(*pair), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for name, pair in _INDEXES.items()
        ],
    )


def _schema(partition: str, sort: str) -> Any:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def costs(usage_rows: int, rows: int) -> dict[str, tuple[int, int]]:
    """Items evaluated and requests of each page."""
    from bench.requests import Watch  # noqa: PLC0415 - its clients are made inside the mock
    from sovereign.calls.store import CallFilters, CallStore  # noqa: PLC0415
    from sovereign.kernel.numbered_rows import TimeRange  # noqa: PLC0415
    from sovereign.kernel.table import Table  # noqa: PLC0415
    from sovereign.usage.store import UsageStore  # noqa: PLC0415

    table, watch = Table(TABLE), Watch()
    calls, usage = CallStore(table), UsageStore(table)
    pages: dict[str, Callable[[], Any]] = {
        "calls near": lambda: calls.page(ORGANIZATION, offset=NEAR, limit=LIMIT, filters=CallFilters()).calls,
        "calls far": lambda: calls.page(ORGANIZATION, offset=rows - LIMIT, limit=LIMIT, filters=CallFilters()).calls,
        "usage near": lambda: usage.page(ORGANIZATION, offset=NEAR, limit=LIMIT, bounds=TimeRange()).logs,
        "usage far": lambda: usage.page(ORGANIZATION, offset=usage_rows - LIMIT, limit=LIMIT, bounds=TimeRange()).logs,
    }
    found = {}
    for name, read in pages.items():
        with watch.during() as seen:
            page = read()
        if len(page) != LIMIT:
            raise RuntimeError(f"the page {name} holds {len(page)} rows instead of {LIMIT}")
        found[name] = (seen.items, len(seen.operations))
    return found


def run(tell: Callable[[str], None], rows: int = ROWS) -> list[Row]:
    """The row of this file."""
    began = time.perf_counter()
    with loaded_table(rows) as past:
        usage_rows = len(past.usage)
        tell(f"  {rows} calls and {usage_rows} usage rows loaded in {time.perf_counter() - began:.0f} s")
        found = costs(usage_rows, rows)
    for name, (items, requests) in found.items():
        tell(f"  {name:12}{items:6d} items evaluated, {requests} requests")
    ratios = [
        found[f"{kind} far"][part] / found[f"{kind} near"][part] for kind in ("calls", "usage") for part in (0, 1)
    ]
    note = f"offset {rows - LIMIT} of {rows} over offset {NEAR}, worst of items and requests, calls and usage"
    return [Row("offset_cost_ratio", max(ratios), note=note)]
