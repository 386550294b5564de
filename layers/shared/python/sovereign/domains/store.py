"""Where an organization's domain is kept: one item, its look-up by Resend's id, and the request to make it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sovereign.domains.model import Domain, DomainNotFoundError, SecondDomainError
from sovereign.kernel.clock import from_wire, to_wire
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, absent
from sovereign.kernel.unit_of_work import UnitOfWork


@dataclass(frozen=True)
class Intent:
    """That the organization asked for a domain of this name, and since when. `resumed`: an earlier request did, and was
    cut off before it could say whether it made one."""

    domain_name: str
    since: datetime
    resumed: bool


class DomainStore:
    """The domains of all organizations, one each."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, org_id: str) -> Domain | None:
        """The organization's domain (one request)."""
        item = self._table.get(_domain_ref(org_id), consistent=True)
        return None if item is None else _from_item(item)

    def begin(self, org_id: str, name: str, now: datetime) -> Intent:
        """Note what is about to be made (two requests, one for a name that was asked for before).

        Raises SecondDomainError.
        """
        found = self._table.get_many([_domain_ref(org_id), _intent_ref(org_id)], consistent=True)
        if _domain_ref(org_id) in found:
            raise SecondDomainError
        noted = found.get(_intent_ref(org_id))
        if noted is not None and noted["domain_name"] == name:
            return Intent(name, from_wire(noted["since"]), resumed=True)
        self._table.put(Put({**_intent_ref(org_id)._asdict(), "domain_name": name, "since": to_wire(now)}))
        return Intent(name, now, resumed=False)

    def abandon(self, org_id: str) -> None:
        """Forget what was to be made: it certainly was not (one request)."""
        self._table.delete(Delete(_intent_ref(org_id)))

    def save(self, domain: Domain, *, replacing: Domain | None = None) -> None:
        """Save a new domain, in place of the one it replaces (one request).

        Raises SecondDomainError, or ConflictError when another organization has this domain of the account.
        """
        unit = UnitOfWork()
        condition = Attr("resend_domain_id").eq(replacing.resend_domain_id) if replacing else absent
        unit.add(Put(_item(domain), condition), otherwise=lambda _old: SecondDomainError())
        claim = {**_claim_ref(domain.resend_domain_id)._asdict(), "org_id": domain.org_id}
        unit.add(Put(claim, absent | Attr("org_id").eq(domain.org_id)), otherwise=_claimed)
        if replacing and replacing.resend_domain_id != domain.resend_domain_id:
            unit.add(Delete(_claim_ref(replacing.resend_domain_id)))
        unit.add(Delete(_intent_ref(domain.org_id)))
        unit.commit(self._table)

    def refresh(self, domain: Domain) -> None:
        """Save what Resend says now about the organization's domain (one request)."""
        unit = UnitOfWork()
        same = Attr("resend_domain_id").eq(domain.resend_domain_id)
        unit.add(Put(_item(domain), same), otherwise=lambda _old: DomainNotFoundError())
        unit.commit(self._table)

    def delete(self, domain: Domain) -> None:
        """Forget the organization's domain (one request)."""
        unit = UnitOfWork()
        same = Attr("resend_domain_id").eq(domain.resend_domain_id)
        unit.add(Delete(_domain_ref(domain.org_id), same), otherwise=lambda _old: DomainNotFoundError())
        unit.add(Delete(_claim_ref(domain.resend_domain_id), Attr("org_id").eq(domain.org_id) | absent))
        unit.commit(self._table)


def _domain_ref(org_id: str) -> Ref:
    return Ref(f"ORG#{org_id}", "DOMAIN")


def _intent_ref(org_id: str) -> Ref:
    return Ref(f"ORG#{org_id}", "DOMAIN_INTENT")


def _claim_ref(resend_domain_id: str) -> Ref:
    return Ref(f"RESEND#{resend_domain_id}", "DOMAIN")


def _claimed(_old: Item | None) -> Exception:
    return ConflictError("Another organization sends from this domain.")


def _item(domain: Domain) -> dict[str, Any]:
    return {**_domain_ref(domain.org_id)._asdict(), **domain.public(), "made_here": domain.made_here}


def _from_item(item: Item) -> Domain:
    verified = item["verified_at"]
    return Domain(
        id=item["id"],
        org_id=item["org_id"],
        domain_name=item["domain_name"],
        resend_domain_id=item["resend_domain_id"],
        status=item["status"],
        region=item["region"],
        records=item["records"],
        made_here=item["made_here"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
        verified_at=None if verified is None else from_wire(verified),
    )
