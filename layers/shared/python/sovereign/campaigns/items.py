"""Campaigns and leads as items (docs/data-model.md)."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

from sovereign.campaigns.lead import Lead, LeadNotFoundError, number_in
from sovereign.campaigns.model import (
    KIND,
    Campaign,
    CampaignNotFoundError,
    CampaignSettings,
    LeadCounts,
    Retry,
    RetryRule,
    Run,
)
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.references import is_id, resource_ref
from sovereign.kernel.table import Attr, Item, Put, Ref, Update, absent

BLOCK = 1000
"""Lead numbers in a block, which is a partition: how far a page's first query may have to skip."""
PHONE_SHARDS = 16
"""Partitions the numbers of a campaign are spread over."""

still_open = Attr("status").eq("draft") | Attr("status").eq("scheduled") | Attr("status").eq("paused")
"""Condition: the campaign and its leads may be changed (`model.OPEN`)."""

_LEAD = "LEAD#"
_ZONE = "zone_"
_BLOCK = "block_"
LEAD_SHARDS = 4
"""Partitions of the `due` index the waiting leads of a zone are spread over."""
_COUNTS = ("pending", "calling", "completed", "failed", "skipped")


def campaign_ref(org_id: str, campaign_id: str) -> Ref:
    """The key of a campaign. Raises CampaignNotFoundError for what cannot be an id."""
    if not is_id(campaign_id):
        raise CampaignNotFoundError
    return resource_ref(org_id, KIND, campaign_id.lower())


def campaign_pk(org_id: str, campaign_id: str) -> str:
    """The partition of what belongs to a campaign beside its leads: facts and imports."""
    return f"ORG#{org_id}#CAMPAIGN#{campaign_id}"


def leads_pk(org_id: str, campaign_id: str, block: int) -> str:
    """The partition of a block of leads: one for all would take 1,000 writes a second, however many are added."""
    return f"{campaign_pk(org_id, campaign_id)}#LEADS#{block}"


def blocks_ref(org_id: str, campaign_id: str) -> Ref:
    """The key of the counts of a campaign's leads by block. They grow with the campaign, so they are no attributes of
    its own item, which each call reads and writes."""
    return Ref(campaign_pk(org_id, campaign_id), "BLOCKS")


def phones_pks(org_id: str, campaign_id: str) -> list[str]:
    """The partitions of the numbers in a campaign."""
    return [_phones_pk(org_id, campaign_id, shard) for shard in range(PHONE_SHARDS)]


def _phones_pk(org_id: str, campaign_id: str, shard: int) -> str:
    return f"{campaign_pk(org_id, campaign_id)}#PHONES#{shard}"


def lead_sk(number: int) -> str:
    """The sort key of the lead with a number: 12 digits."""
    return f"{_LEAD}{number:012d}"


def lead_ref(org_id: str, campaign_id: str, lead_id: str) -> Ref:
    """The key of a lead. Raises LeadNotFoundError for what cannot be an id."""
    if not is_id(lead_id):
        raise LeadNotFoundError
    return numbered_ref(org_id, campaign_id, number_in(lead_id))


def numbered_ref(org_id: str, campaign_id: str, number: int) -> Ref:
    """The key of the lead with a number."""
    return Ref(leads_pk(org_id, campaign_id, block_of(number)), lead_sk(number))


def phone_ref(org_id: str, campaign_id: str, phone_number: str) -> Ref:
    """The key that keeps a number from being in a campaign twice."""
    shard = crc32(phone_number.encode()) % PHONE_SHARDS
    return Ref(_phones_pk(org_id, campaign_id, shard), f"PHONE#{phone_number}")


def is_lead(item: Item) -> bool:
    """Whether an item of a campaign's partition is a lead."""
    return str(item["sk"]).startswith(_LEAD)


def campaign_from_item(item: Item) -> Campaign:
    """A campaign from its item."""
    settings = {**item["settings"], "retry": _retry(item["settings"]["retry"])}
    return Campaign(
        id=item["id"],
        org_id=item["org_id"],
        # what was checked when it was saved is not checked again: rules may have become stricter since
        settings=CampaignSettings.model_construct(**settings),
        status=item["status"],
        stored_counts=LeadCounts(**{name: item.get(f"{name}_leads", 0) for name in _COUNTS}),
        last_lead_number=item["last_lead_number"],
        version=item["version"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
        zones=frozenset(n.removeprefix(_ZONE) for n, count in item.items() if n.startswith(_ZONE) and count > 0),
        run=_run(item),
        claims_ahead=item.get("claims_ahead", False),
    )


def _run(item: Item) -> Run:
    kept = {n: item[n] for n in Run.__dataclass_fields__ if n in item}
    if "started_at" in kept:
        kept["started_at"] = from_wire(kept["started_at"])
    return Run(**kept)


def _retry(stored: dict[str, Any]) -> Retry:
    rules: dict[str, Any] = {n: RetryRule.model_construct(**v) if isinstance(v, dict) else v for n, v in stored.items()}
    return Retry.model_construct(**rules)


def attributes(campaign: Campaign) -> dict[str, Any]:
    """What a write of a campaign stores; the counts move on their own."""
    return {
        "id": campaign.id,
        "org_id": campaign.org_id,
        "name": campaign.settings.name,
        "settings": campaign.settings.model_dump(),
        "status": campaign.status,
        "version": campaign.version,
        "created_at": to_wire(campaign.created_at),
        "updated_at": to_wire(campaign.updated_at),
    }


class Counted(NamedTuple):
    """What of a lead the campaign counts."""

    status: str
    number: int
    zone: str | None


def counted(lead: Lead) -> Counted:
    """A lead as `count_moves` takes it."""
    return Counted(lead.status, lead.number, lead.timezone)


def count_moves(leads: Iterable[Counted], sign: int = 1) -> dict[str, int]:
    """The increments of a campaign's counts when leads come (1) or go (-1)."""
    moves: Counter[str] = Counter()
    for status, _number, zone in leads:
        moves[f"{status}_leads"] += sign
        if status == "pending":
            moves[zone_count(zone)] += sign
    return dict(moves)


def counting_blocks(org_id: str, campaign_id: str, leads: Iterable[Counted], sign: int = 1) -> Update:
    """The write of the counts by block when leads come or go, beside that of the campaign's counts."""
    moves = Counter(f"{_BLOCK}{block_of(lead.number)}" for lead in leads)
    return Update(blocks_ref(org_id, campaign_id), add={name: sign * count for name, count in moves.items()})


def blocks_of(items: Iterable[Item]) -> dict[int, int]:
    """How many leads lie in each block, in their order. Older campaigns have counts in their own item too: those of one
    block in several of the items add up."""
    blocks: Counter[int] = Counter()
    for item in items:
        for name, count in item.items():
            if name.startswith(_BLOCK):
                blocks[int(name.removeprefix(_BLOCK))] += count
    return dict(sorted(blocks.items()))


def zone_count(zone: str | None) -> str:
    """The attribute that counts the pending leads of a zone; None is the campaign's own."""
    return f"{_ZONE}{zone or ''}"


def waiting_shards(campaign_id: str, zone: str | None) -> list[str]:
    """Values of `due_shard` of the leads of a zone that wait for an attempt."""
    return [f"LEADS#{campaign_id}#{zone or ''}#{shard}" for shard in range(LEAD_SHARDS)]


def waiting_shard(campaign_id: str, zone: str | None, number: int) -> str:
    """The one a lead lies in."""
    return waiting_shards(campaign_id, zone)[number % LEAD_SHARDS]


CAMPAIGN_SHARDS = tuple(f"CAMPAIGN#{shard}" for shard in range(8))
"""Values of `due_shard` of campaigns the engine has to look at; `due_at` is when nobody does any more."""


def campaign_shard(campaign_id: str) -> str:
    """The one a campaign lies in."""
    return CAMPAIGN_SHARDS[crc32(campaign_id.encode()) % len(CAMPAIGN_SHARDS)]


def calling_shard(campaign_id: str) -> str:
    """`due_shard` of the leads that are being called; `due_at` is when to ask what became of the call."""
    return f"CALLING#{campaign_id}"


def block_of(number: int) -> int:
    """The block a lead's number belongs to."""
    return (number - 1) // BLOCK


def lead_put(org_id: str, lead: Lead) -> Put:
    """The write of a new lead."""
    key = numbered_ref(org_id, lead.campaign_id, lead.number)
    return Put({**key._asdict(), **_lead_attributes(lead)}, absent)


def phone_put(org_id: str, lead: Lead) -> Put:
    """The write that claims a lead's number in its campaign."""
    key = phone_ref(org_id, lead.campaign_id, lead.phone_number)
    return Put({**key._asdict(), "lead_id": lead.id, "claimed_at": to_wire(lead.created_at)}, absent)


def counting(ref: Ref, moves: dict[str, int], *, added_at: datetime | None = None) -> Update:
    """The write that moves an open campaign's counts; where leads were added the engine shall look soon."""
    look = {} if added_at is None else dict.fromkeys(("due_at", "added_at"), to_wire(added_at))
    return Update(ref, set=look, add=moves, condition=still_open)


def lead_from_item(item: Item, campaign: Campaign) -> Lead:
    """A lead from its item; one a cancelled campaign never came to is shown as skipped."""
    left_out = campaign.status == "cancelled" and item["status"] == "pending"
    last = item["last_attempt_at"]
    return Lead(
        id=item["id"],
        campaign_id=campaign.id,
        number=int(item["sk"].removeprefix(_LEAD)),
        phone_number=item["phone_number"],
        variables=item["variables"],
        timezone=item["timezone"],
        status="skipped" if left_out else item["status"],
        outcome="campaign_cancelled" if left_out else item["outcome"],
        call_id=item["call_id"],
        attempts=item["attempts"],
        last_attempt_at=None if last is None else from_wire(last),
        created_at=from_wire(item["created_at"]),
        unrung=item.get("unrung", 0),
    )


def _lead_attributes(lead: Lead) -> dict[str, Any]:
    waiting: dict[str, Any] = {}
    if lead.status == "pending":
        shard = waiting_shard(lead.campaign_id, lead.timezone, lead.number)
        waiting = {"due_shard": shard, "due_at": to_wire(lead.created_at)}
    return {
        **waiting,
        "id": lead.id,
        "phone_number": lead.phone_number,
        "variables": lead.variables,
        "timezone": lead.timezone,
        "status": lead.status,
        "outcome": lead.outcome,
        "call_id": lead.call_id,
        "attempts": lead.attempts,
        "last_attempt_at": None,
        "created_at": to_wire(lead.created_at),
    }
