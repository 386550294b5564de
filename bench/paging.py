"""What a far page costs next to the first one: `GET /calls` and `GET /usage` of an organization with a long past.

In this process against moto, whose queries evaluate, count and cut pages as DynamoDB's do. Rows come from the stores'
own item builders, the pages through the stores. 20,000 calls load in a minute or two; `make soak` does 100,000.
"""

import os
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


def run(tell: Callable[[str], None], rows: int = ROWS) -> list[Row]:
    """The row of this file: the dearest of a middle and a last page over the first, of lists with and without dates.

    Every page is held against the truth, those filtered by a status too, whose cost grows with the calls that are
    looked through: it is told and not part of the figure.
    """
    from bench import paging_soak  # noqa: PLC0415 - it loads this file's table

    figures = paging_soak.run(seed=1, rows=rows, tell=tell)
    note = f"pages in the middle and at the end of {rows} calls and their usage over the first, worst of all"
    return [Row("offset_cost_ratio", figures["offset_cost_ratio"], note=note)]
