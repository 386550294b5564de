"""Where assistants are kept: one item each, whole document as JSON text, secrets encrypted beside it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sovereign.assistants.effective import Rejection, requested_assistant_id, saved, with_answer
from sovereign.assistants.json_values import to_json
from sovereign.assistants.mail_warnings import mail_warnings
from sovereign.assistants.model import (
    KIND,
    Assistant,
    AssistantNotFoundError,
    changed_document,
    new_document,
    owner_of,
    references_of,
    to_document,
    warnings_of,
)
from sovereign.assistants.needs import move_needs
from sovereign.assistants.references import NOTHING, bound, checked, reference_problems, require
from sovereign.assistants.rotation import ReplacedToken, replaced_by
from sovereign.assistants.sealed import Sealed, seal, unseal
from sovereign.assistants.settings import AssistantChanges, AssistantSettings
from sovereign.assistants.templates import templates_in, with_templates, with_templates_at_hand
from sovereign.assistants.view import EffectiveAssistant
from sovereign.catalog.defaults import default_configs
from sovereign.kernel.clock import Clock, from_wire, to_wire, utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.ids import new_id
from sovereign.kernel.references import (
    User,
    in_use_error,
    is_id,
    move_uses,
    resource_ref,
    unused,
)
from sovereign.kernel.table import Attr, Delete, Item, Put, Ref, Table, Update, absent
from sovereign.kernel.unit_of_work import UnitOfWork
from sovereign.organizations import count_change
from sovereign.webhooks.endpoints import enable_endpoint


class _InUseError(Exception):
    """Something still uses the assistant."""


class _StaleError(Exception):
    """The assistant was changed since it was read; `current` is its item now."""

    def __init__(self, current: Item) -> None:
        self.current = current


@dataclass(frozen=True)
class SavedAssistant:
    """What was saved, and what of the request has no effect."""

    assistant: Assistant
    warnings: Sequence[str]


class AssistantStore:
    """The assistants of all organizations; every method works within the one named.

    `defaults` are the configurations an assistant gets when it names none (the deployment's unless given).
    """

    def __init__(
        self, table: Table, cipher: Cipher, *, clock: Clock = utc_now, defaults: Mapping[str, Any] | None = None
    ) -> None:
        self._table = table
        self._cipher = cipher
        self._clock = clock
        self._given_defaults = defaults

    def list(self, org_id: str) -> Sequence[Assistant]:
        """All assistants, newest first (one request per MB)."""
        items = self._table.query(f"ORG#{org_id}", begins_with=f"{KIND}#", consistent=True)
        return sorted(map(assistant_from_item, items), key=lambda a: (a.created_at, a.id), reverse=True)

    def get(self, org_id: str, assistant_id: str) -> Assistant:
        """One assistant (one request). Raises AssistantNotFoundError."""
        item = self._table.get(assistant_ref(org_id, assistant_id), consistent=True)
        if item is None:
            raise AssistantNotFoundError
        return assistant_from_item(item)

    def create(self, org_id: str, settings: AssistantSettings) -> SavedAssistant:
        """Save a new assistant (one request, one more when it names other resources)."""
        document = new_document(settings, self._defaults())
        references = references_of(document)
        checked(self._table, org_id, references, settings)
        assistant_id, now = new_id(), self._clock()
        sealed = seal(document, self._cipher, owner_of(org_id, assistant_id))
        assistant = Assistant(assistant_id, org_id, sealed, 1, now, now)
        unit = UnitOfWork()
        unit.add(
            Put({**assistant_ref(org_id, assistant_id)._asdict(), "ref_count": 0, **_attributes(assistant)}, absent)
        )
        _count_active(unit, org_id, int(assistant.is_active))
        _enable(unit, org_id, settings.webhook_url)
        move_uses(unit, org_id, _user(assistant), [], references)
        move_needs(unit, org_id, assistant_id, [], references)
        unit.commit(self._table)
        warned = warnings_of(settings, document) + mail_warnings(self._table, org_id, {}, document)
        return SavedAssistant(assistant, warned)

    def update(
        self,
        org_id: str,
        assistant_id: str,
        changes: AssistantChanges,
        *,
        accept: Callable[[Assistant], object] = lambda _stored: None,
    ) -> SavedAssistant:
        """Apply what was sent (two requests; one more when somebody else changed it meanwhile).

        `accept` sees the stored assistant first and may refuse by raising.
        """
        wanted = references_of(to_document(changes, changes.model_fields_set))
        bound(wanted)
        ref = assistant_ref(org_id, assistant_id)
        keys = {ref, *(resource_ref(org_id, r.kind, r.id) for r in wanted)}
        found = self._table.get_many(list(keys), consistent=True)
        if ref not in found:
            raise AssistantNotFoundError
        require(reference_problems(wanted, org_id, found, changes))
        stored = assistant_from_item(found[ref])
        try:
            return self._apply(stored, changes, accept)
        except _StaleError as stale:
            return self._apply(assistant_from_item(stale.current), changes, accept, last=True)

    def delete(self, org_id: str, assistant_id: str) -> None:
        """Remove an assistant nothing uses (two requests); ConflictError names what still does (one more)."""
        stored = self.get(org_id, assistant_id)
        unit = UnitOfWork()
        unit.add(
            Delete(assistant_ref(org_id, assistant_id), unused & Attr("version").eq(stored.version)),
            otherwise=lambda old: _InUseError() if old and old.get("ref_count") else _gone_or_changed(old),
        )
        _count_active(unit, org_id, -int(stored.is_active))
        references = references_of(stored.document)
        move_uses(unit, org_id, _user(stored), references, [])
        move_needs(unit, org_id, stored.id, references, [])
        try:
            unit.commit(self._table)
        except _InUseError:
            raise in_use_error(self._table, org_id, KIND, stored.id) from None

    def effective(self, assistant: Assistant) -> EffectiveAssistant:
        """The assistant as a call runs with it, secrets in the clear (no request to the table)."""
        replaced = assistant.replaced_webhook_secret
        return saved(
            assistant,
            unseal(assistant.sealed, self._cipher, assistant.owner),
            replaced.revealed(self._cipher, assistant.owner) if replaced else None,
        )

    def ready(self, assistant: Assistant) -> EffectiveAssistant:
        """As `effective`, with its tool templates in their place (one request when it names any)."""
        return with_templates_at_hand(self._table, assistant.org_id, self.effective(assistant))

    def resolve(
        self, org_id: str, chosen: EffectiveAssistant, at_hand: Mapping[Ref, Item] = NOTHING
    ) -> EffectiveAssistant:
        """`chosen` with its tool templates in their place (one request when it names what is not `at_hand`).

        Raises InvalidRequestError naming each resource the organization does not have, each template that cannot be.
        """
        found = checked(self._table, org_id, references_of(chosen.document()), chosen.settings, at_hand)
        resolved, problems = with_templates(chosen, templates_in(found))
        require(problems)
        return resolved

    def answered(
        self, org_id: str, base: EffectiveAssistant | None, answer: Mapping[str, Any]
    ) -> EffectiveAssistant | Rejection | None:
        """Apply an `assistant-request` answer, looking up what it names; see `effective.with_answer`."""
        asked = requested_assistant_id(answer)
        named: EffectiveAssistant | None = None
        if asked is not None and is_id(asked) and (item := self._table.get(assistant_ref(org_id, asked))):
            named = self.effective(assistant_from_item(item))
        chosen = with_answer(base, answer, named=named)
        return self.resolve(org_id, chosen) if isinstance(chosen, EffectiveAssistant) else chosen

    def _apply(
        self,
        stored: Assistant,
        changes: AssistantChanges,
        accept: Callable[[Assistant], object],
        *,
        last: bool = False,
    ) -> SavedAssistant:
        accept(stored)
        document = changed_document(stored.document, changes, self._defaults())
        sealed = seal(document, self._cipher, stored.owner, kept=stored.sealed)
        now = max(self._clock(), stored.updated_at)
        replaced = replaced_by(stored.sealed, sealed, stored.replaced_webhook_secret, now)
        changed = replace(
            stored, sealed=sealed, version=stored.version + 1, updated_at=now, replaced_webhook_secret=replaced
        )
        unit = UnitOfWork()
        unit.add(
            Update(_key(stored), set=_attributes(changed), condition=Attr("version").eq(stored.version)),
            otherwise=lambda old: _StaleError(old) if old and not last else _gone_or_changed(old),
        )
        _count_active(unit, stored.org_id, changed.is_active - stored.is_active)
        if "webhook_url" in changes.model_fields_set:
            _enable(unit, stored.org_id, changes.webhook_url)
        before, after = references_of(stored.document), references_of(document)
        bound(after)
        move_uses(unit, stored.org_id, _user(changed), before, after)
        move_needs(unit, stored.org_id, stored.id, before, after)
        unit.commit(self._table)
        unsent = mail_warnings(self._table, stored.org_id, stored.document, document)
        return SavedAssistant(changed, warnings_of(changes, document) + unsent)

    def _defaults(self) -> Mapping[str, Any]:
        return default_configs() if self._given_defaults is None else self._given_defaults


def assistant_from_item(item: Item) -> Assistant:
    """An assistant from its item in the table."""
    return Assistant(
        id=item["id"],
        org_id=item["org_id"],
        sealed=Sealed(json.loads(item["document"]), json.loads(item["secrets"])),
        version=item["version"],
        created_at=from_wire(item["created_at"]),
        updated_at=from_wire(item["updated_at"]),
        replaced_webhook_secret=_replaced(item),
    )


def _replaced(item: Item) -> ReplacedToken | None:
    token, at = item.get("previous_webhook_secret"), item.get("webhook_secret_changed_at")
    return ReplacedToken(token, from_wire(at)) if token and at else None


def assistant_ref(org_id: str, assistant_id: str) -> Ref:
    """The key of an assistant, for callers that read it together with something else. Raises AssistantNotFoundError."""
    if not is_id(assistant_id):
        raise AssistantNotFoundError
    return resource_ref(org_id, KIND, assistant_id.lower())


def _key(assistant: Assistant) -> Ref:
    return resource_ref(assistant.org_id, KIND, assistant.id)


def _attributes(assistant: Assistant) -> dict[str, Any]:
    """What the item holds beside key and `ref_count`; name and business name for whoever lists references to it."""
    replaced = assistant.replaced_webhook_secret
    return {
        "id": assistant.id,
        "org_id": assistant.org_id,
        "name": assistant.name,
        "business_name": assistant.business_name,
        # one text each: free JSON may nest deeper, and hold larger numbers, than attributes can
        "document": to_json(assistant.document),
        "secrets": to_json(assistant.sealed.tokens),
        "previous_webhook_secret": replaced.token if replaced else None,
        "webhook_secret_changed_at": to_wire(replaced.at) if replaced else None,
        "version": assistant.version,
        "created_at": to_wire(assistant.created_at),
        "updated_at": to_wire(assistant.updated_at),
    }


def _user(assistant: Assistant) -> User:
    return User(KIND, assistant.id, f"assistant {assistant.name}")


def _count_active(unit: UnitOfWork, org_id: str, change: int) -> None:
    if change:
        unit.add(count_change(org_id, active_agents=change))


def _enable(unit: UnitOfWork, org_id: str, url: str | None) -> None:
    if url:
        unit.add(enable_endpoint(org_id, url))


def _gone_or_changed(old: Item | None) -> Exception:
    return ConflictError("The assistant was changed at the same time.") if old else AssistantNotFoundError()
