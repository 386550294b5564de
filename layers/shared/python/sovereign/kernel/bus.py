"""The event bus: facts that were committed become events here and nowhere else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sovereign.kernel import aws

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

MAX_ENTRIES = 10
"""PutEvents takes at most this many entries."""
MAX_BYTES = 240_000
"""Bound of one PutEvents request: its 256 KB with room for the envelope."""


@dataclass(frozen=True)
class Event:
    """One event: `detail` holds ids and small fields only, never content, secrets or phone numbers."""

    source: str
    detail_type: str
    detail: Mapping[str, Any]
    time: datetime


class EventTooLargeError(ValueError):
    """An event alone exceeds what the bus takes; it can never be published."""


class Bus:
    """The platform's event bus."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = aws.client("events")

    def publish(self, events: Sequence[Event]) -> list[bool]:
        """Publish in as few requests as fit; says per event whether the bus took it. Never raises for an outage.

        Raises EventTooLargeError before anything is sent when one event can never fit (see `check_size`).
        """
        sizes = [check_size(event) for event in events]
        taken: list[bool] = []
        for start, end in _batches(sizes):
            taken += self._put(events[start:end])
        return taken

    def _put(self, events: Sequence[Event]) -> list[bool]:
        entries = [self._entry(event) for event in events]
        try:
            answer = self._client.put_events(Entries=entries)
        except (ClientError, BotoCoreError):
            return [False] * len(entries)
        results = answer["Entries"]
        if len(results) != len(entries):
            return [False] * len(entries)
        return ["ErrorCode" not in result for result in results]

    def _entry(self, event: Event) -> "PutEventsRequestEntryTypeDef":
        return {
            "EventBusName": self.name,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": _detail(event),
            "Time": event.time,
        }


def check_size(event: Event) -> int:
    """Bytes the event counts for on the bus. Raises EventTooLargeError when it alone exceeds a request."""
    # AWS counts the time as 14 bytes beside source, type and detail
    size = 14 + sum(len(text.encode()) for text in (event.source, event.detail_type, _detail(event)))
    if size > MAX_BYTES:
        raise EventTooLargeError(f"an event of {size} bytes exceeds the bus's {MAX_BYTES}")
    return size


def _detail(event: Event) -> str:
    return json.dumps(event.detail, separators=(",", ":"), ensure_ascii=False)


def _batches(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    start, total = 0, 0
    for index, size in enumerate(sizes):
        if index > start and (index - start == MAX_ENTRIES or total + size > MAX_BYTES):
            yield start, index
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield start, len(sizes)
