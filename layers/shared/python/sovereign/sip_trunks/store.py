"""Where trunks are kept: one item each, the password encrypted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sovereign.catalog.problems import validate
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import in_use_error, is_id, resource_ref, unused
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, Update, absent
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.sip_trunks.addresses import enclosing, source_address
from sovereign.sip_trunks.model import KIND, SipTrunk, TrunkNotFoundError, TrunkSettings, check_credentials
from sovereign.sip_trunks.sources import move_sources

_PASSWORD = "auth_password"  # noqa: S105 - a member's name


class _InUseError(Exception):
    """Something still uses the trunk."""


class TrunkStore:
    """The trunks of all organizations; every method works within the one named."""

    def __init__(self, table: Table, cipher: Cipher, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._cipher = cipher
        self._clock = clock

    def list(self, org_id: str) -> Sequence[SipTrunk]:
        """All trunks, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{KIND}#", consistent=True)
        return sorted(map(trunk_from_item, items), key=lambda t: (t.created_at, t.id), reverse=True)

    def get(self, org_id: str, trunk_id: str) -> SipTrunk:
        """One trunk (one request). Raises TrunkNotFoundError."""
        item = self._table.get(trunk_ref(org_id, trunk_id), consistent=True)
        if item is None:
            raise TrunkNotFoundError
        return trunk_from_item(item)

    def create(self, org_id: str, settings: TrunkSettings, password: str | None) -> SipTrunk:
        """Save a new trunk (one request)."""
        check_credentials(settings, has_password=password is not None)
        trunk_id, now = new_id(), self._clock()
        trunk = SipTrunk(trunk_id, org_id, settings, self._sealed(org_id, trunk_id, password), 1, now, now)
        unit = UnitOfWork()
        unit.add(Put({**_key(trunk)._asdict(), "ref_count": 0, **_attributes(trunk)}, absent))
        move_sources(unit, [], trunk.accepted_sources)
        unit.commit(self._table)
        return trunk

    def update(
        self,
        org_id: str,
        trunk_id: str,
        changes: Mapping[str, Any],
        *,
        accept: Callable[[SipTrunk], object] = lambda _stored: None,
    ) -> SipTrunk:
        """Apply the members that were sent, `auth_password` among them (two requests).

        `accept` sees the stored trunk first and may refuse by raising.
        """
        stored = self.get(org_id, trunk_id)
        accept(stored)
        given = dict(changes)
        token = stored.password_token
        if _PASSWORD in given:
            token = self._sealed(org_id, stored.id, given.pop(_PASSWORD))
        settings = validate(TrunkSettings, stored.settings.model_dump() | given)
        check_credentials(settings, has_password=token is not None)
        now = max(self._clock(), stored.updated_at)
        changed = replace(stored, settings=settings, password_token=token, version=stored.version + 1, updated_at=now)
        unit = UnitOfWork()
        condition = Attr("version").eq(stored.version)
        unit.add(Update(_key(stored), set=_attributes(changed), condition=condition), otherwise=_gone_or_changed)
        move_sources(unit, stored.accepted_sources, changed.accepted_sources)
        unit.commit(self._table)
        return changed

    def delete(self, org_id: str, trunk_id: str) -> None:
        """Remove a trunk no number uses (two requests); ConflictError names those that do (one more)."""
        stored = self.get(org_id, trunk_id)
        unit = UnitOfWork()
        unit.add(
            Delete(_key(stored), unused & Attr("version").eq(stored.version)),
            otherwise=lambda old: _InUseError() if old and old.get("ref_count") else _gone_or_changed(old),
        )
        move_sources(unit, stored.accepted_sources, [])
        try:
            unit.commit(self._table)
        except _InUseError:
            raise in_use_error(self._table, org_id, KIND, stored.id) from None

    def password(self, trunk: SipTrunk) -> str | None:
        """The password in the clear, for the container that registers and dials."""
        if trunk.password_token is None:
            return None
        return self._cipher.decrypt(trunk.password_token, org_id=trunk.org_id, resource=_resource(trunk.id))

    def accepting(self, org_id: str, source: str) -> SipTrunk | None:
        """The organization's active trunk whose `inbound_addresses` hold this source, the narrowest match first."""
        address = source_address(source)
        if address is None:
            return None
        trunks = self.list(org_id)
        for cidr in reversed(list(enclosing(address))):
            match = next((trunk for trunk in trunks if cidr in trunk.accepted_sources), None)
            if match:
                return match
        return None

    def _sealed(self, org_id: str, trunk_id: str, password: str | None) -> str | None:
        if password is None:
            return None
        return self._cipher.encrypt(password, org_id=org_id, resource=_resource(trunk_id))


def trunk_from_item(item: Item) -> SipTrunk:
    """A trunk from its item in the table."""
    return SipTrunk(
        id=item["id"],
        org_id=item["org_id"],
        # what was checked when it was saved is not checked again: rules may have become stricter since
        settings=TrunkSettings.model_construct(**item["settings"]),
        password_token=item["password_token"],
        version=item["version"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
    )


def trunk_ref(org_id: str, trunk_id: str) -> Ref:
    """The key of a trunk, for callers that read it together with something else. Raises TrunkNotFoundError."""
    if not is_id(trunk_id):
        raise TrunkNotFoundError
    return resource_ref(org_id, KIND, trunk_id.lower())


def _key(trunk: SipTrunk) -> Ref:
    return resource_ref(trunk.org_id, KIND, trunk.id)


def _resource(trunk_id: str) -> str:
    return f"sip-trunk/{trunk_id}"


def _attributes(trunk: SipTrunk) -> dict[str, Any]:
    return {
        "id": trunk.id,
        "org_id": trunk.org_id,
        "name": trunk.settings.name,
        "settings": trunk.settings.model_dump(),
        "password_token": trunk.password_token,
        "version": trunk.version,
        "created_at": to_wire(trunk.created_at),
        "updated_at": to_wire(trunk.updated_at),
    }


def _gone_or_changed(old: Item | None) -> Exception:
    return ConflictError("The SIP trunk was changed at the same time.") if old else TrunkNotFoundError()
