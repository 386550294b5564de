"""Keys of the API-key items: one under the organization, one look-up by hash; both move in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sovereign.api_keys.model import MAX_KEYS_PER_ORGANIZATION, ApiKey, KeyGrant
from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.errors import ConflictError, NotFoundError
from sovereign.kernel.table import Attr, ConditionFailed, Delete, Put, Ref, Table, Update, Write, absent, present

_UNLIMITED = 0  # how an unlimited key is stored: a null could not be told from an absent attribute in older items


def organization_ref(org_id: str) -> Ref:
    """Key of the organization's own item, which counts its API keys."""
    return Ref(f"ORG#{org_id}", "ORGANIZATION")


def key_ref(org_id: str, key_id: str) -> Ref:
    """Key of an API key's item under its organization."""
    return Ref(f"ORG#{org_id}", f"APIKEY#{key_id}")


def lookup_ref(key_hash: str) -> Ref:
    """Key of the item found by the hash of a presented key."""
    return Ref(f"APIKEY#{key_hash}", "APIKEY")


class ApiKeyStore:
    """Reads and writes API keys."""

    def __init__(self, table: Table, clock: Clock = utc_now) -> None:
        self._table = table
        self._clock = clock

    def find_grant(self, api_key: str) -> KeyGrant | None:
        """What a presented key grants, None when it is unknown. One request."""
        item = self._table.get(lookup_ref(ids.api_key_hash(api_key)))
        if item is None:
            return None
        return KeyGrant(
            key_id=item["key_id"],
            org_id=item["org_id"],
            parent_org_id=item.get("parent_org_id"),
            rate_limit_per_minute=item["rate_limit_per_minute"] or None,
            suspended=item.get("suspended", False),
        )

    def list_keys(self, org_id: str) -> list[ApiKey]:
        """The organization's keys, oldest first. One request."""
        items = self._table.query(f"ORG#{org_id}", begins_with="APIKEY#", consistent=True)
        return sorted((_from_item(item) for item in items), key=lambda key: (key.created_at, key.id))

    def create(
        self, org_id: str, *, parent_org_id: str | None, name: str, rate_limit_per_minute: int | None
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is the key itself, to be shown once. ConflictError past the bound on keys."""
        key, secret = new_api_key(org_id, name, rate_limit_per_minute, self._clock())
        counted = Update(
            organization_ref(org_id),
            add={"api_key_count": 1},
            condition=present & Attr("api_key_count").lt(MAX_KEYS_PER_ORGANIZATION) & Attr("suspended").ne(True),
        )
        try:
            self._table.transact([counted, *creation_writes(key, parent_org_id)])
        except ConditionFailed as failure:
            if failure.old is None:
                raise NotFoundError("no such organization") from None
            raise ConflictError(
                f"an organization has at most {MAX_KEYS_PER_ORGANIZATION} API keys; delete one first"
            ) from None
        return key, secret

    def delete(self, org_id: str, key_id: str, *, in_use: str | None = None) -> None:
        """Revoke a key. Raises NotFoundError, or ConflictError for the key named by `in_use`."""
        key_id = key_id.lower()
        item = self._table.get(key_ref(org_id, key_id))
        if item is None:
            raise NotFoundError("no such API key")
        if key_id == in_use:
            raise ConflictError("this request is made with that key; use another one to delete it")
        try:
            self._table.transact(
                [
                    Update(organization_ref(org_id), add={"api_key_count": -1}),
                    Delete(key_ref(org_id, key_id), condition=present),
                    Delete(lookup_ref(item["key_hash"])),
                ]
            )
        except ConditionFailed:
            raise NotFoundError("no such API key") from None

    def set_rate_limit(self, org_id: str, key_id: str, rate_limit_per_minute: int | None) -> None:
        """Change a key's requests a minute; None lifts the limit. Raises NotFoundError."""
        item = self._table.get(key_ref(org_id, key_id))
        if item is None:
            raise NotFoundError("no such API key")
        limit = {"rate_limit_per_minute": rate_limit_per_minute or _UNLIMITED}
        try:
            self._table.transact(
                [
                    Update(key_ref(org_id, key_id), set=limit, condition=present),
                    Update(lookup_ref(item["key_hash"]), set=limit, condition=present),
                ]
            )
        except ConditionFailed:
            raise NotFoundError("no such API key") from None


def new_api_key(org_id: str, name: str, rate_limit_per_minute: int | None, now: datetime) -> tuple[ApiKey, str]:
    """Draw a key: what is kept of it, and the key itself."""
    secret = ids.new_api_key()
    key = ApiKey(ids.new_id(), org_id, name, secret[-4:], ids.api_key_hash(secret), rate_limit_per_minute, now)
    return key, secret


def creation_writes(key: ApiKey, parent_org_id: str | None) -> list[Write]:
    """The key's two items, to be written together with the organization's `api_key_count`."""
    limit = key.rate_limit_per_minute or _UNLIMITED
    shown: dict[str, Any] = {"name": key.name, "last_four": key.last_four, "key_hash": key.key_hash}
    under_organization = {**key_ref(key.org_id, key.id)._asdict(), **shown, "created_at": to_wire(key.created_at)}
    lookup = {**lookup_ref(key.key_hash)._asdict(), "org_id": key.org_id, "key_id": key.id}
    return [
        Put({**under_organization, "id": key.id, "org_id": key.org_id, "rate_limit_per_minute": limit}, absent),
        Put({**lookup, "parent_org_id": parent_org_id, "rate_limit_per_minute": limit, "suspended": False}, absent),
    ]


def suspension_writes(keys: Sequence[ApiKey], *, suspended: bool) -> list[Write]:
    """Mark every key's look-up, so that one read at authentication tells a suspended organization."""
    return [Update(lookup_ref(key.key_hash), set={"suspended": suspended}, condition=present) for key in keys]


def _from_item(item: dict[str, Any]) -> ApiKey:
    return ApiKey(
        id=item["id"],
        org_id=item["org_id"],
        name=item["name"],
        last_four=item["last_four"],
        key_hash=item["key_hash"],
        rate_limit_per_minute=item["rate_limit_per_minute"] or None,
        created_at=from_wire(item["created_at"]),
    )
