"""Endpoints as neighbours: none may take more than its share, and one that has failed for days is switched off.

An endpoint is an organization's URL. Requests under way are leases in its item, so that a crash frees them in time.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from sovereign.kernel import ids
from sovereign.kernel.backoff import pause
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Item, Put, Ref, Table, Update, absent

HEALTHY_SLOTS = 16
SLOW_SLOTS = 2
"""Requests at once to an endpoint that lately was slow or failed."""
LEASE_SECONDS = 40
SLOW_FOR = timedelta(minutes=5)
DISABLED_AFTER = timedelta(days=5)
WEBHOOK_DISABLED = "webhook.disabled"
SOURCE = "sovereign.webhooks"

_LEASE = "lease_"
_ATTEMPTS = 8


class EndpointBusyError(Exception):
    """The endpoint has its share of requests under way; come back later."""


class EndpointDisabledError(Exception):
    """The endpoint has failed for five days; nothing is sent until its URL is saved again."""


@dataclass(frozen=True)
class Slot:
    """The right to one request."""

    org_id: str
    url: str
    token: str
    failing_since: datetime | None


def endpoint_ref(org_id: str, url: str) -> Ref:
    """Where an endpoint's state lies; the URL itself, which may hold a token, is not part of the key."""
    return Ref(f"ORG#{org_id}", f"ENDPOINT#{hashlib.sha256(url.encode()).hexdigest()[:32]}")


def enable_endpoint(org_id: str, url: str) -> Delete:
    """Forget what is known of an endpoint: put into the transaction that saves its URL."""
    return Delete(endpoint_ref(org_id, url))


class EndpointStore:
    """Slots and health of endpoints."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def acquire(self, org_id: str, url: str) -> Slot:
        """Take a slot, free again after 40 s at the latest. Raises EndpointBusyError, EndpointDisabledError."""
        ref = endpoint_ref(org_id, url)
        for attempt in range(_ATTEMPTS):
            pause(attempt)
            item = self._table.get(ref, consistent=True) or {}
            if "disabled_at" in item:
                raise EndpointDisabledError
            token = _LEASE + ids.new_id()
            try:
                self._table.update(self._taking(ref, item, token))
            except ConditionFailed:
                continue
            return Slot(org_id, url, token, _moment(item.get("failing_since")))
        raise EndpointBusyError

    def release(self, slot: Slot, *, succeeded: bool, slow: bool) -> None:
        """Give a slot back with what the request showed of the endpoint."""
        now = self._clock()
        changes: dict[str, Any] = {}
        remove = [slot.token]
        if succeeded:
            remove.append("failing_since")
        elif slot.failing_since is None:
            # a mark that was there is not written back: a request beside this one may have succeeded and cleared it
            changes["failing_since"] = to_wire(now)
        if slow or not succeeded:
            changes["slow_until"] = to_wire(now + SLOW_FOR)
        else:
            remove.append("slow_until")
        self._table.update(Update(endpoint_ref(slot.org_id, slot.url), set=changes, remove=remove, add={"version": 1}))
        if not succeeded and slot.failing_since and now - slot.failing_since >= DISABLED_AFTER:
            self._disable(slot, slot.failing_since, now)

    def give_back(self, slot: Slot) -> None:
        """Give a slot back unused."""
        self._table.update(Update(endpoint_ref(slot.org_id, slot.url), remove=[slot.token], add={"version": 1}))

    def _taking(self, ref: Ref, item: Item, token: str) -> Update:
        """The write that takes a slot of the endpoint as it was read. Raises EndpointBusyError when none is free."""
        now = self._clock()
        leases = {name: until for name, until in item.items() if name.startswith(_LEASE)}
        expired = [name for name, until in leases.items() if until <= to_wire(now)]
        slow = "failing_since" in item or item.get("slow_until", "") > to_wire(now)
        if len(leases) - len(expired) >= (SLOW_SLOTS if slow else HEALTHY_SLOTS):
            raise EndpointBusyError
        version = item.get("version")
        unchanged = Attr("version").not_exists() if version is None else Attr("version").eq(version)
        until = to_wire(now + timedelta(seconds=LEASE_SECONDS))
        return Update(ref, set={token: until}, add={"version": 1}, remove=expired, condition=unchanged)

    def _disable(self, slot: Slot, failing_since: datetime, now: datetime) -> None:
        """Switch the endpoint off, with the fact that says so, once; not if it has answered in the meantime."""
        ref = endpoint_ref(slot.org_id, slot.url)
        still_failing = Attr("disabled_at").not_exists() & Attr("failing_since").eq(to_wire(failing_since))
        off = Update(ref, set={"disabled_at": to_wire(now)}, add={"version": 1}, condition=still_failing)
        try:
            self._table.transact([off, Put(_disabled_fact(slot.org_id, ref, now), absent)])
        except ConditionFailed:
            return


def _disabled_fact(org_id: str, ref: Ref, now: datetime) -> Item:
    """The outbox item; the endpoint is named by its key, since a URL may hold a token."""
    endpoint_id = ref.sk.removeprefix("ENDPOINT#")
    moment = to_wire(now)
    fact_id = f"{endpoint_id}.{int(now.timestamp())}"
    return {
        "pk": ref.pk,
        "sk": f"FACT#{WEBHOOK_DISABLED}#{fact_id}",
        "fact": WEBHOOK_DISABLED,
        "source": SOURCE,
        "occurred_at": moment,
        "detail": {
            "version": 1,
            "fact_id": fact_id,
            "org_id": org_id,
            "endpoint_id": endpoint_id,
            "occurred_at": moment,
        },
        "due_shard": f"FACT#{crc32(fact_id.encode()) % 8}",
        "due_at": moment,
    }


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_wire(text)
