"""Which of a stream's records are facts to publish."""

from collections.abc import Mapping, Sequence
from typing import Any

from functions.on_table_change.publisher import FactPublisher, FailedRecords
from sovereign.kernel.observe import logger
from sovereign.kernel.table import Item, from_attributes

_log = logger()


def publish_records(records: Sequence[Mapping[str, Any]], publisher: FactPublisher, failed: FailedRecords) -> None:
    """Publish the facts of a batch. Never raises: a batch that does is repeated whole, and holds up its shard."""
    facts: list[Item] = []
    for record in records:
        try:
            fact = _new_fact(record)
        except Exception:  # noqa: BLE001 - a record nobody can read must not hold up those that are read
            _log.exception("stream_record_unreadable", event_id=record.get("eventID"))
            _keep(failed, record)
            continue
        if fact is not None:
            facts.append(fact)
    try:
        publisher.publish(facts)
    except Exception:  # noqa: BLE001 - the facts keep their marks, so the sweep publishes them
        _log.exception("facts_not_published", count=len(facts))


def _new_fact(record: Mapping[str, Any]) -> Item | None:
    """The fact a record reports; None for one that was reported before, and for anything else."""
    change = record["dynamodb"]
    image = change.get("NewImage")
    if image is None or not _is_marked(image) or _is_marked(change.get("OldImage") or {}):
        return None
    return from_attributes(image)


def _is_marked(image: Mapping[str, Any]) -> bool:
    return str(image.get("due_shard", {}).get("S", "")).startswith("FACT#")


def _keep(failed: FailedRecords, record: Mapping[str, Any]) -> None:
    try:
        failed.put("unreadable_record", event_id=record.get("eventID"), keys=record.get("dynamodb", {}).get("Keys"))
    except Exception:  # noqa: BLE001 - the log line above names it; the stream must go on
        _log.exception("failed_record_not_kept", event_id=record.get("eventID"))
