"""A simulated world that counts what its campaign costs: table requests, the items and units behind them, our own time.

The table's answers are encoded as the service sends them, on its account; decoding them and building requests is ours.
"""

import json
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from math import ceil
from typing import Any, Final

from sovereign.calls.model import CallRef
from sovereign.kernel.attribute_values import from_attributes, to_attributes
from sovereign.kernel.table import Item, Page, Put, Ref, Write
from sovereign.kernel.writes import operation_of
from tests.component.campaigns.simulation.memory_table import MemoryTable
from tests.component.campaigns.simulation.world import World

_INDEXES: Final = (("gsi1pk", "gsi1sk"), ("gsi2pk", "gsi2sk"), ("gsi3pk", "gsi3sk"), ("due_shard", "due_at"))
_READ_UNIT, _WRITE_UNIT = 4096, 1024


@dataclass
class Cost:
    """What was used: `items` were read, `own_ms` is processor time of the engine's functions."""

    requests: float = 0
    items: float = 0
    read_units: float = 0
    write_units: float = 0
    own_ms: float = 0

    def each(self, dials: int) -> "Cost":
        """Of one dial."""
        return Cost(*(getattr(self, field.name) / dials for field in fields(self)))


class Meter:
    """`cost` grows while it counts; its time only while one of the engine's functions works, not the table or a
    phone."""

    def __init__(self) -> None:
        self.cost = Cost()
        self.counts = False
        self._ours = False
        self._since = 0.0

    @contextmanager
    def counting(self, on: bool) -> Iterator[None]:
        """Whether what is done inside counts."""
        before, self.counts = self.counts, on
        try:
            yield
        finally:
            self.counts = before

    @contextmanager
    def ours(self, on: bool) -> Iterator[None]:
        """Whether the time inside is the engine's."""
        before = self._switch(on)
        try:
            yield
        finally:
            self._switch(before)

    def _switch(self, on: bool) -> bool:
        now, before = time.thread_time(), self._ours
        if before and self.counts:
            self.cost.own_ms += (now - self._since) * 1000
        self._since, self._ours = now, on
        return before

    def read(self, sizes: Sequence[int], *, consistent: bool, together: bool = False) -> None:
        """A request that read items of these sizes; those of a query are rounded up `together`."""
        units = sum(max(1, ceil(size / _READ_UNIT)) for size in ([sum(sizes)] if together else sizes))
        self.cost.requests += 1
        self.cost.items += len(sizes)
        self.cost.read_units += units * (1 if consistent else 0.5)

    def wrote(self, before: Item | None, after: Item | None, factor: int) -> None:
        """A write that found and left these; an index holds keys only, and moves with them."""
        old, new = before or {}, after or {}
        self.cost.write_units += max(1, ceil(max(_size(old), _size(new)) / _WRITE_UNIT)) * factor
        for names in _INDEXES:
            was, now = [old.get(name) for name in names], [new.get(name) for name in names]
            self.cost.write_units += 0 if was == now else (was[0] is not None) + (now[0] is not None)


class MeteredTable(MemoryTable):
    """Tells the meter of every request."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter
        self._factor = 1

    def get(self, ref: Ref, *, consistent: bool = False) -> Item | None:
        return self.get_many([ref], consistent=consistent).get(ref)

    def get_many(self, refs: Sequence[Ref], *, consistent: bool = False) -> dict[Ref, Item]:
        if not self._meter.counts:
            return super().get_many(refs, consistent=consistent)
        with self._meter.ours(False):
            found = super().get_many(refs, consistent=consistent)
            self._meter.read([_size(found.get(ref, {})) for ref in refs], consistent=consistent)
            answer = _encoded([*found.values()])
        return dict(zip(found, _decoded(answer), strict=True))

    def page(self, pk: str, *, index: str | None = None, consistent: bool = False, **bounds: Any) -> Page:
        if not self._meter.counts:
            return super().page(pk, index=index, consistent=consistent, **bounds)
        with self._meter.ours(False):
            page = super().page(pk, index=index, consistent=consistent, **bounds)
            key = {"due_shard": pk} if index else {}
            self._meter.read([_size(item | key) for item in page.items], consistent=consistent, together=True)
            answer = _encoded(page.items)
        return Page(_decoded(answer), page.next)

    def transact(self, writes: Sequence[Write]) -> None:
        self._factor = 2
        try:
            super().transact(writes)
        finally:
            self._factor = 1

    def _apply(self, writes: Sequence[Write]) -> None:
        if not self._meter.counts:
            super()._apply(writes)
            return
        factor = self._factor
        json.dumps([operation_of(write, "sovereign") for write in writes], default=_text)
        with self._meter.ours(False):
            self._meter.cost.requests += 1
            refs = [
                Ref(write.item["pk"], write.item["sk"]) if isinstance(write, Put) else write.ref for write in writes
            ]
            before = [self._read(ref) for ref in refs]
            super()._apply(writes)
            for ref, old in zip(refs, before, strict=True):
                self._meter.wrote(old, self._read(ref), factor)


class MeteredWorld(World):
    """One whose cost is counted where `meter` is told to; what the phones do with the table belongs to it, what this
    world looks at itself does not."""

    def __init__(self, seed: int, **given: Any) -> None:
        self.meter = Meter()
        super().__init__(seed, calm=True, table=MeteredTable(self.meter), **given)

    def sleep(self, seconds: float) -> None:
        with self.meter.ours(False):
            super().sleep(seconds)

    def _turn(self, campaign_id: str, generation: int) -> None:
        with self.meter.ours(True):
            super()._turn(campaign_id, generation)

    def _told(self, ref: CallRef) -> None:
        with self.meter.ours(True):
            super()._told(ref)

    def _hand_over(self, ref: CallRef) -> None:
        with self.meter.ours(False):
            super()._hand_over(ref)

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        with self.meter.counting(False), super()._unseen():
            yield


def _size(value: Any) -> int:
    """As the service counts an item or one of its values, in bytes."""
    if isinstance(value, str):
        return len(value.encode())
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | float):
        return len(str(abs(value)).strip("0.")) // 2 + 2
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(len(name.encode()) + _size(member) for name, member in value.items())
    return 3 + sum(1 + _size(member) for member in value)


def _encoded(items: Sequence[Item]) -> str:
    return json.dumps([to_attributes(item) for item in items], default=_text)


def _decoded(answer: str) -> list[Item]:
    return [from_attributes(raw) for raw in json.loads(answer)]


def _text(binary: bytes) -> str:
    return b64encode(binary).decode()
