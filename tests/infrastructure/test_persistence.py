"""What outlives a clean stop, and a kill."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.emulated import Emulator, running_emulator, wait_until

pytestmark = pytest.mark.timeout(120)
KEY = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
ATTRIBUTES = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]


def make_table(emulator: Emulator) -> Any:
    client = emulator.client("dynamodb")
    client.create_table(
        TableName="rows",
        KeySchema=KEY,
        AttributeDefinitions=ATTRIBUTES,
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return client


def row(number: int, value: str) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": f"{number:04}"}, "value": {"S": value}}


def save_whole(emulator: Emulator) -> None:
    saved = emulator.settings.home / "aws" / "saved"
    before = saved.read_text() if saved.exists() else ""
    os.kill(emulator.entry.pid, signal.SIGUSR1)
    wait_until(lambda: saved.exists() and saved.read_text() != before, 10)


def values(emulator: Emulator) -> list[str]:
    answer = emulator.client("dynamodb").query(
        TableName="rows",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "p"}},
        ConsistentRead=True,
    )
    return [item["value"]["S"] for item in answer["Items"]]


@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
def test_rows_written_a_moment_before_the_end_are_there_after_a_restart(tmp_path: Path, clean: bool) -> None:
    with running_emulator(tmp_path) as emulator:
        client = make_table(emulator)
        save_whole(emulator)  # as after a deploy: the table itself is on disk
        for number in range(50):
            client.put_item(TableName="rows", Item=row(number, "first"))
        client.put_item(TableName="rows", Item=row(0, "changed"))
        client.delete_item(TableName="rows", Key={key: row(49, "")[key] for key in ("pk", "sk")})
        os.killpg(emulator.entry.pid, signal.SIGTERM if clean else signal.SIGKILL)
        wait_until(lambda: not emulator.processes.is_alive(emulator.entry), 30)

        emulator.restart()

        assert values(emulator) == ["changed"] + ["first"] * 48


def test_journal_does_not_undo_what_a_later_snapshot_holds(tmp_path: Path) -> None:
    with running_emulator(tmp_path) as emulator:
        client = make_table(emulator)
        client.put_item(TableName="rows", Item=row(1, "old"))
        save_whole(emulator)
        client.put_item(TableName="rows", Item=row(1, "new"))
        save_whole(emulator)
        time.sleep(0.1)
        os.killpg(emulator.entry.pid, signal.SIGKILL)
        wait_until(lambda: not emulator.processes.is_alive(emulator.entry), 30)
        emulator.restart()
        assert values(emulator) == ["new"]
        journals = list((tmp_path / "aws" / "journal").glob("*.journal"))
        assert len(journals) <= 2, "journals that a snapshot covers are removed"
