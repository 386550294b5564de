"""The leads of a campaign whose time has come, by zone: a zone whose window is closed costs nothing."""

from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta

from sovereign.campaigns.items import lead_from_item, waiting_shards
from sovereign.campaigns.lead import Lead
from sovereign.campaigns.model import Campaign
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.table import Ref, Table

BATCH = 25
"""Leads read ahead of each shard: few enough that another execution's claims waste little."""
_LOOK_AGAIN = timedelta(seconds=5)


class WaitingLeads:
    """Hands out leads with their marks, oldest first within a zone's shard; what it hands out may be taken already."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._found: deque[tuple[Lead, str]] = deque()
        self._zones: frozenset[str] = frozenset()
        self._empty_until: datetime | None = None

    def next(self, campaign: Campaign, zones: Collection[str], now: datetime) -> tuple[Lead, str] | None:
        """A lead of one of the zones and its mark, None when none is due."""
        if frozenset(zones) != self._zones:
            self._found.clear()
            self._zones, self._empty_until = frozenset(zones), None
        if not self._found and (self._empty_until is None or now >= self._empty_until):
            self._read(campaign, now)
            self._empty_until = None if self._found else now + _LOOK_AGAIN
        return self._found.popleft() if self._found else None

    def keep(self, lead: Lead, due_at: str) -> None:
        """Hand it out again first: it was not its fault."""
        self._found.appendleft((lead, due_at))

    def next_due(self, campaign: Campaign, zones: Collection[str]) -> datetime | None:
        """When the first lead of these zones is due."""
        shards = (shard for zone in zones for shard in waiting_shards(campaign.id, zone))
        first = (mark for shard in shards for mark in self._table.page(shard, index="due", limit=1).items)
        return min((from_wire(mark["due_at"]) for mark in first), default=None)

    def _read(self, campaign: Campaign, now: datetime) -> None:
        until = to_wire(now)
        marks: list[Ref] = []
        for zone in sorted(self._zones):
            for shard in waiting_shards(campaign.id, zone):
                page = self._table.page(shard, index="due", between=("0", until), limit=BATCH)
                marks += [Ref(mark["pk"], mark["sk"]) for mark in page.items]
                if len(marks) >= 4 * BATCH:
                    break
            if len(marks) >= 4 * BATCH:
                break
        items = self._table.get_many(marks[:100], consistent=True)
        due = [item for item in items.values() if item["status"] == "pending" and item["due_at"] <= until]
        for item in sorted(due, key=lambda item: (item["due_at"], item["sk"])):
            self._found.append((lead_from_item(item, campaign), item["due_at"]))
