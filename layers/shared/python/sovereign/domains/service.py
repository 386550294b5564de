"""What spans our table and Resend's: nothing is lost when either fails in between.

With a key of the platform many organizations share one Resend account, so an organization sees and chooses only the
domain it made itself; with a key of its own it sees the whole account.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from sovereign.domains.model import (
    Domain,
    DomainNotFoundError,
    DomainNotVerifiedError,
    NoResendKeyError,
    RemoteDomain,
)
from sovereign.domains.resend import ResendAccount, ResendDomainMissingError, ResendRefusedError
from sovereign.domains.store import DomainStore, Intent
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import ConflictError, DomainError, InvalidRequestError
from sovereign.kernel.ids import new_id
from sovereign.provider_keys import KeyRing, ProviderKey

PROVIDER = "resend"
CLOCK_SKEW = timedelta(seconds=30)
"""How far Resend's clock may be behind ours."""


class DomainService:
    """The sending domain of one organization after the other."""

    def __init__(
        self,
        store: DomainStore,
        keys: KeyRing,
        *,
        account: Callable[[str], ResendAccount] = ResendAccount,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._keys = keys
        self._account = account
        self._clock = clock

    def create(self, org_id: str, name: str) -> Domain:
        """Make a domain at Resend (three requests to the table). A creation that was cut off is taken up again.

        Raises SecondDomainError, NoResendKeyError, ResendRefusedError, UnavailableError.
        """
        key = self._key(org_id)
        account = self._account(key.value)
        intent = self._store.begin(org_id, name, self._clock())
        try:
            remote = account.create(intent.domain_name)
        except (ResendRefusedError, ResendDomainMissingError):
            domain = self._domain(org_id, self._left_behind(org_id, account, intent, key), made_here=True)
            self._store.save(domain)
            return domain
        domain = self._domain(org_id, remote, made_here=True)
        try:
            self._store.save(domain)
        except ConflictError:
            self._take_back(account, remote)
            raise
        return domain

    def choices(self, org_id: str) -> tuple[list[RemoteDomain], str | None]:
        """The domains that can be chosen, and Resend's id of the chosen one (one request to the table)."""
        key = self._key(org_id)
        chosen = self._store.find(org_id)
        if key.byok:
            return self._account(key.value).list(), chosen.resend_domain_id if chosen else None
        if chosen is None:
            return [], None
        try:
            return [self._account(key.value).get(chosen.resend_domain_id)], chosen.resend_domain_id
        except ResendDomainMissingError:
            return [], chosen.resend_domain_id

    def choose(self, org_id: str, resend_domain_id: str) -> Domain:
        """Send from a domain of the account, instead of the one before (two requests to the table)."""
        key = self._key(org_id)
        current = self._store.find(org_id)
        if current is not None and current.resend_domain_id == resend_domain_id:
            return self._refreshed(current, key)
        if not key.byok:
            raise _unknown_choice()
        try:
            remote = self._account(key.value).get(resend_domain_id)
        except ResendDomainMissingError:
            raise _unknown_choice() from None
        domain = self._domain(org_id, remote, made_here=False)
        self._store.save(domain, replacing=current)
        return domain

    def verify(self, org_id: str) -> Domain:
        """Let Resend check the DNS records, and save what it says (two requests to the table)."""
        return self._refreshed(self._require(org_id), self._key(org_id), verifying=True)

    def refresh(self, org_id: str) -> Domain:
        """Save what Resend says now (two requests to the table)."""
        return self._refreshed(self._require(org_id), self._key(org_id))

    def sender(self, org_id: str) -> tuple[Domain, ProviderKey]:
        """The domain mail is sent from, and the key for it (one request to the table, two while it is not verified:
        then Resend is asked, because a domain is verified there without our hearing of it).

        Raises NoResendKeyError, DomainNotFoundError, DomainNotVerifiedError, ResendRefusedError, UnavailableError, and
        InvalidRequestError (`domain_missing_at_resend`).
        """
        key = self._key(org_id)
        domain = self._require(org_id)
        if not domain.can_send:
            domain = self._refreshed(domain, key)
        if not domain.can_send:
            raise DomainNotVerifiedError
        return domain, key

    def delete(self, org_id: str) -> None:
        """Forget the domain (two requests to the table); one that was made here is removed at Resend first.

        Without a key it is only forgotten: Resend could not be asked, and the organization would be stuck with it.
        """
        domain = self._require(org_id)
        key = self._keys.lookup(org_id, PROVIDER)
        if domain.made_here and key is not None:
            with suppress(ResendDomainMissingError):  # gone already, which is what was wanted
                self._account(key.value).delete(domain.resend_domain_id)
        self._store.delete(domain)

    def _key(self, org_id: str) -> ProviderKey:
        key = self._keys.lookup(org_id, PROVIDER)
        if key is None:
            raise NoResendKeyError
        return key

    def _require(self, org_id: str) -> Domain:
        domain = self._store.find(org_id)
        if domain is None:
            raise DomainNotFoundError
        return domain

    def _left_behind(self, org_id: str, account: ResendAccount, intent: Intent, key: ProviderKey) -> RemoteDomain:
        """The account's domain of that name, where this organization may have made it. Raises ResendRefusedError."""
        existing = next((domain for domain in account.list() if domain.name == intent.domain_name), None)
        if existing is not None and (key.byok or _made_since(existing, intent)):
            return account.get(existing.id)
        self._store.abandon(org_id)
        raise ResendRefusedError("Resend refuses this domain; it may be registered already.")

    def _take_back(self, account: ResendAccount, remote: RemoteDomain) -> None:
        """Remove what this request made: a rival was first."""
        with suppress(DomainError, ResendDomainMissingError):  # else it stays where its owner can see and remove it
            account.delete(remote.id)

    def _refreshed(self, domain: Domain, key: ProviderKey, *, verifying: bool = False) -> Domain:
        account = self._account(key.value)
        try:
            if verifying:
                account.verify(domain.resend_domain_id)
            remote = account.get(domain.resend_domain_id)
        except ResendDomainMissingError:
            raise InvalidRequestError(
                "The Resend account of this key has no such domain; delete it here and add it again.",
                code="domain_missing_at_resend",
            ) from None
        fresh = self._domain(domain.org_id, remote, made_here=domain.made_here)
        verified = domain.verified_at or fresh.verified_at if fresh.status == "verified" else None
        changed = replace(fresh, id=domain.id, created_at=domain.created_at, verified_at=verified)
        self._store.refresh(changed)
        return changed

    def _domain(self, org_id: str, remote: RemoteDomain, *, made_here: bool) -> Domain:
        now = self._clock()
        return Domain(
            id=new_id(),
            org_id=org_id,
            domain_name=remote.name,
            resend_domain_id=remote.id,
            status=remote.status,
            region=remote.region,
            records=remote.records,
            made_here=made_here,
            created_at=now,
            updated_at=now,
            verified_at=now if remote.status == "verified" else None,
        )


def _made_since(remote: RemoteDomain, intent: Intent) -> bool:
    """Whether a domain can be what a cut-off request for it made: an older one is somebody else's."""
    return intent.resumed and remote.created_at is not None and remote.created_at >= intent.since - CLOCK_SKEW


def _unknown_choice() -> InvalidRequestError:
    return InvalidRequestError(details=["resendDomainId: the organization's Resend account has no such domain"])
