"""Where MCP servers are kept: one item each, one more that keeps its name unique."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sovereign.catalog.problems import validate
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.documents import to_json
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import in_use_error, is_id, resource_ref, unused
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, Update, absent
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.mcp_servers.model import (
    KIND,
    McpServer,
    McpServerNotFoundError,
    McpServerSettings,
    NameTakenError,
    check_move,
)

_HEADERS = "headers"


class _InUseError(Exception):
    """Something still uses the server."""


class McpServerStore:
    """The MCP servers of all organizations; every method works within the one named."""

    def __init__(self, table: Table, cipher: Cipher, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._cipher = cipher
        self._clock = clock

    def list(self, org_id: str) -> Sequence[McpServer]:
        """All servers, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{KIND}#", consistent=True)
        return sorted(map(server_from_item, items), key=lambda s: (s.created_at, s.id), reverse=True)

    def get(self, org_id: str, server_id: str) -> McpServer:
        """One server (one request). Raises McpServerNotFoundError."""
        item = self._table.get(_ref(org_id, server_id), consistent=True)
        if item is None:
            raise McpServerNotFoundError
        return server_from_item(item)

    def get_many(self, org_id: str, server_ids: Collection[str]) -> Sequence[McpServer]:
        """Those of these servers that there are (one request)."""
        refs = [resource_ref(org_id, KIND, server_id.lower()) for server_id in server_ids if is_id(server_id)]
        return [server_from_item(item) for item in self._table.get_many(refs, consistent=True).values()]

    def create(self, org_id: str, settings: McpServerSettings, headers: Mapping[str, str]) -> McpServer:
        """Save a new server (one request). Raises NameTakenError."""
        server_id, now = new_id(), self._clock()
        token = self._sealed(org_id, server_id, headers)
        server = McpServer(server_id, org_id, settings, sorted(headers), token, 1, now, now)
        unit = UnitOfWork()
        unit.add(Put({**_key(server)._asdict(), "ref_count": 0, **_attributes(server)}, absent))
        unit.add(_name_claim(server), otherwise=lambda _old: NameTakenError())
        unit.commit(self._table)
        return server

    def update(
        self,
        org_id: str,
        server_id: str,
        changes: Mapping[str, Any],
        *,
        accept: Callable[[McpServer], object] = lambda _stored: None,
    ) -> McpServer:
        """Apply the members that were sent, `headers` (all of them) among them (two requests).

        `accept` sees the stored server first and may refuse by raising.
        """
        stored = self.get(org_id, server_id)
        accept(stored)
        given = dict(changes)
        check_move(stored.settings.url, given.get("url", stored.settings.url), given)
        names, token = stored.header_names, stored.headers_token
        if _HEADERS in given:
            headers = given.pop(_HEADERS)
            names, token = sorted(headers), self._sealed(org_id, stored.id, headers)
        changed = replace(
            stored,
            settings=validate(McpServerSettings, stored.settings.model_dump() | given),
            header_names=names,
            headers_token=token,
            version=stored.version + 1,
            updated_at=max(self._clock(), stored.updated_at),
        )
        unit = UnitOfWork()
        condition = Attr("version").eq(stored.version)
        unit.add(Update(_key(stored), set=_attributes(changed), condition=condition), otherwise=_gone_or_changed)
        if changed.settings.name != stored.settings.name:
            unit.add(Delete(_name_ref(stored)))
            unit.add(_name_claim(changed), otherwise=lambda _old: NameTakenError())
        unit.commit(self._table)
        return changed

    def delete(self, org_id: str, server_id: str) -> None:
        """Remove a server nothing uses (two requests); ConflictError names what still does (one more)."""
        stored = self.get(org_id, server_id)
        unit = UnitOfWork()
        unit.add(
            Delete(_key(stored), unused & Attr("version").eq(stored.version)),
            otherwise=lambda old: _InUseError() if old and old.get("ref_count") else _gone_or_changed(old),
        )
        unit.add(Delete(_name_ref(stored)))
        try:
            unit.commit(self._table)
        except _InUseError:
            raise in_use_error(self._table, org_id, KIND, stored.id) from None

    def headers(self, server: McpServer) -> dict[str, str]:
        """The headers in the clear, for whoever connects to the server."""
        if server.headers_token is None:
            return {}
        text = self._cipher.decrypt(server.headers_token, org_id=server.org_id, resource=_resource(server.id))
        headers: dict[str, str] = json.loads(text)
        return headers

    def _sealed(self, org_id: str, server_id: str, headers: Mapping[str, str]) -> str | None:
        if not headers:
            return None
        return self._cipher.encrypt(to_json(headers), org_id=org_id, resource=_resource(server_id))


def server_from_item(item: Item) -> McpServer:
    """A server from its item in the table."""
    return McpServer(
        id=item["id"],
        org_id=item["org_id"],
        # what was checked when it was saved is not checked again: rules may have become stricter since
        settings=McpServerSettings.model_construct(**item["settings"]),
        header_names=item["header_names"],
        headers_token=item["headers_token"],
        version=item["version"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
    )


def _ref(org_id: str, server_id: str) -> Ref:
    if not is_id(server_id):
        raise McpServerNotFoundError
    return resource_ref(org_id, KIND, server_id.lower())


def _key(server: McpServer) -> Ref:
    return resource_ref(server.org_id, KIND, server.id)


def _name_ref(server: McpServer) -> Ref:
    return Ref(f"ORG#{server.org_id}", f"MCP_NAME#{server.settings.name}")


def _name_claim(server: McpServer) -> Put:
    return Put({**_name_ref(server)._asdict(), "server_id": server.id}, absent)


def _resource(server_id: str) -> str:
    return f"mcp-server/{server_id}"


def _attributes(server: McpServer) -> dict[str, Any]:
    return {
        "id": server.id,
        "org_id": server.org_id,
        "name": server.settings.name,
        "settings": server.settings.model_dump(),
        "header_names": list(server.header_names),
        "headers_token": server.headers_token,
        "version": server.version,
        "created_at": to_wire(server.created_at),
        "updated_at": to_wire(server.updated_at),
    }


def _gone_or_changed(old: Item | None) -> Exception:
    return ConflictError("The MCP server was changed at the same time.") if old else McpServerNotFoundError()
