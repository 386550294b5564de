"""Where campaigns are kept, and the transactions that make, change and remove them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sovereign.campaigns.facts import CANCELLED, PAUSED, RESUMED, STARTED, campaign_fact
from sovereign.campaigns.intake import LeadIntake, check_repeats, fitting, lead_writes
from sovereign.campaigns.items import (
    attributes,
    campaign_from_item,
    campaign_ref,
    campaign_shard,
    count_moves,
    counted,
    counting_blocks,
    phone_put,
    still_open,
)
from sovereign.campaigns.lead import Lead, NewLead
from sovereign.campaigns.model import (
    KIND,
    Campaign,
    CampaignClosedError,
    CampaignNotFoundError,
    CampaignSettings,
    LeadCounts,
    check_window,
    moved_status,
    references_of,
)
from sovereign.campaigns.removal import CampaignMovedError, being_called, remove_campaign
from sovereign.catalog.problems import validate
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import ConflictError, DomainError, InvalidRequestError, UnavailableError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import User, missing, move_uses, resource_ref
from sovereign.kernel.table import Attr, Item, Put, Ref, Table, Update, absent
from sovereign.kernel.unit_of_work import UnitOfWork

FIRST_WRITES = 94
"""Writes of leads that fit the transaction which makes a campaign with its uses of an assistant and a number."""
_REMOVAL_ATTEMPTS = 5


class CampaignStore:
    """The campaigns of all organizations; every method works within the one named."""

    def __init__(self, table: Table, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock
        self._intake = LeadIntake(table, clock=clock)

    def list(self, org_id: str) -> Sequence[Campaign]:
        """All campaigns, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{KIND}#", consistent=True)
        return sorted(map(campaign_from_item, items), key=lambda c: (c.created_at, c.id), reverse=True)

    def get(self, org_id: str, campaign_id: str) -> Campaign:
        """One campaign (one request). Raises CampaignNotFoundError."""
        item = self._table.get(campaign_ref(org_id, campaign_id), consistent=True)
        if item is None:
            raise CampaignNotFoundError
        return campaign_from_item(item)

    def create(self, org_id: str, settings: CampaignSettings, leads: Sequence[NewLead] = ()) -> Campaign:
        """Save a new draft with its leads (two requests with up to 47 leads, one more for each 49 after).

        When the table fails in between, what was saved is removed again.
        """
        check_window(settings)
        check_repeats(leads)
        references = references_of(settings)
        keys = {resource_ref(org_id, reference.kind, reference.id) for reference in references}
        found = self._intake.listed(org_id, leads, also=list(keys))
        _require(missing(references, org_id, found))
        now, campaign_id = self._clock(), new_id()
        ref = resource_ref(org_id, KIND, campaign_id)
        listed = frozenset(key.sk for key in found if key not in keys)
        made = self._intake.numbered(ref, leads, listed, 1)
        draft = Campaign(campaign_id, org_id, settings, "draft", LeadCounts(), len(made), 1, now, now)
        first = next(fitting(made, FIRST_WRITES, claims=True), [])
        self._save(draft, first)
        self._add_rest(draft, made[len(first) :])
        counts = count_moves(map(counted, made))
        return replace(
            draft, stored_counts=LeadCounts(counts.get("pending_leads", 0), skipped=counts.get("skipped_leads", 0))
        )

    def update(
        self,
        org_id: str,
        campaign_id: str,
        changes: Mapping[str, Any],
        *,
        accept: Callable[[Campaign], object] = lambda _stored: None,
    ) -> Campaign:
        """Apply the members that were sent, `status` among them (two requests); `accept` may refuse what is stored.

        Raises CampaignClosedError when a completed or cancelled campaign would change.
        """
        given = dict(changes)
        ref = campaign_ref(org_id, campaign_id)
        named = [resource_ref(org_id, k, i) for k, i in _named(given)]
        found = self._table.get_many(list({ref, *named}), consistent=True)
        if ref not in found:
            raise CampaignNotFoundError
        stored = campaign_from_item(found[ref])
        accept(stored)
        status = moved_status(stored.status, given.pop("status", stored.status))
        before = stored.settings.model_dump()
        settings = validate(CampaignSettings, before | given)
        if not stored.is_open:
            if settings.model_dump() == before and status == stored.status:
                return stored
            raise CampaignClosedError(stored.status)
        check_window(settings)
        wanted = [r for r in references_of(settings) if r not in stored.references]
        _require(missing(wanted, org_id, found))
        now = max(self._clock(), stored.updated_at)
        changed = replace(stored, settings=settings, status=status, version=stored.version + 1, updated_at=now)
        unit = UnitOfWork()
        condition = Attr("version").eq(stored.version) & still_open
        moved = _moved(stored, changed)
        unit.add(replace(moved, condition=condition), otherwise=_gone_or_changed)
        if name := _fact_name(stored, changed):
            unit.add(campaign_fact(name, org_id, changed.id, changed.version, now))
        move_uses(unit, org_id, _user(changed), stored.references, changed.references)
        unit.commit(self._table)
        return changed

    def delete(self, org_id: str, campaign_id: str) -> None:
        """Remove a campaign (two requests); the minute's sweep takes its leads away.

        Raises ConflictError while a lead is called.
        """
        for _ in range(_REMOVAL_ATTEMPTS):
            stored = self.get(org_id, campaign_id)
            if stored.stored_counts.calling:
                raise being_called()
            try:
                remove_campaign(self._table, stored, _user(stored), self._clock())
            except CampaignMovedError:
                continue
            return
        raise UnavailableError("The campaign is changed all the time; ask again.", retry_after=1)

    def _save(self, campaign: Campaign, leads: Sequence[Lead]) -> None:
        unit = UnitOfWork()
        ref = resource_ref(campaign.org_id, KIND, campaign.id)
        counts = count_moves(map(counted, leads))
        item: Item = {**ref._asdict(), "last_lead_number": campaign.last_lead_number, **counts, **attributes(campaign)}
        if leads:
            item["added_at"] = to_wire(campaign.created_at)
        unit.add(Put(item, absent))
        if leads:
            unit.add(counting_blocks(campaign.org_id, campaign.id, map(counted, leads)))
        for lead in leads:
            unit.add(phone_put(campaign.org_id, lead), *lead_writes(campaign.org_id, lead))
        move_uses(unit, campaign.org_id, _user(campaign), [], campaign.references)
        unit.commit(self._table)

    def _add_rest(self, campaign: Campaign, leads: Sequence[Lead]) -> None:
        """Nobody knows the campaign yet, so its numbers need not be claimed before."""
        try:
            self._intake.store_claiming(campaign.org_id, _key(campaign), leads)
        except DomainError:
            self.delete(campaign.org_id, campaign.id)
            raise


def _moved(stored: Campaign, changed: Campaign) -> Update:
    """The write of a change; one that is started, changed while it runs, or stopped is looked at by the engine soon:
    when it is stopped calls may be up, and the engine takes the mark off when none is."""
    now, written = to_wire(changed.updated_at), attributes(changed)
    started = stored.run.started_at is not None
    if changed.status == "scheduled" or started:
        written |= {"due_shard": campaign_shard(changed.id), "due_at": now}
        if not started:
            written |= {"started_at": now}
    return Update(_key(changed), set=written)


def _fact_name(stored: Campaign, changed: Campaign) -> str | None:
    if changed.status == stored.status:
        return None
    if changed.status == "scheduled":
        return STARTED if stored.run.started_at is None else RESUMED
    if changed.status == "cancelled":
        return CANCELLED
    return PAUSED if stored.status == "scheduled" and changed.status in ("paused", "draft") else None


def _named(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    kinds = {"agent_id": "ASSISTANT", "number_id": "NUMBER"}
    return [(kind, given[name]) for name, kind in kinds.items() if given.get(name)]


def _key(campaign: Campaign) -> Ref:
    return resource_ref(campaign.org_id, KIND, campaign.id)


def _user(campaign: Campaign) -> User:
    return User(KIND, campaign.id, f"campaign {campaign.settings.name}")


def _require(problems: Sequence[str]) -> None:
    if problems:
        raise InvalidRequestError(details=problems)


def _gone_or_changed(old: Item | None) -> Exception:
    return ConflictError("The campaign was changed at the same time.") if old else CampaignNotFoundError()
