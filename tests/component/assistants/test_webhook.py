"""What saving an assistant does to its webhook: a secret is rotated, an endpoint that was switched off is on again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign.assistants import (
    Assistant,
    AssistantChanges,
    AssistantSettings,
    AssistantStore,
    EffectiveAssistant,
    transient,
    with_override,
)
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.masking import mask_secret
from sovereign.kernel.signing import ROTATION_OVERLAP
from sovereign.kernel.table import Put, Table
from sovereign.webhooks.endpoints import endpoint_ref
from sovereign.webhooks.subscriptions import webhook_of
from tests.component.assistants.fixtures import ORG, Requests

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
OLD, NEW = "whsec_0123456789abcdef", "whsec_fedcba9876543210"
URL = "https://example.com/hook"
PIPELINE = {
    "llm_config": {"provider": "local", "model": "intents"},
    "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
    "tts_config": {"provider": "local", "voice_id": "heart"},
}


class Desk:
    """A store with a clock that is moved by hand, and one assistant with a webhook."""

    def __init__(self, table: Table, cipher: Cipher) -> None:
        self.now = START
        self.store = AssistantStore(table, cipher, clock=lambda: self.now)
        settings = {"name": "Desk", "webhook_url": URL, "webhook_secret": OLD}
        self.id = self.store.create(ORG, AssistantSettings.model_validate(settings)).assistant.id

    def save(self, **members: Any) -> Assistant:
        self.now += timedelta(hours=1)
        return self.store.update(ORG, self.id, AssistantChanges.model_validate(members)).assistant

    def effective(self) -> EffectiveAssistant:
        return self.store.effective(self.store.get(ORG, self.id))

    def signing(self, chosen: EffectiveAssistant | None = None) -> tuple[str, ...]:
        webhook = webhook_of(chosen or self.effective())
        assert webhook is not None
        return webhook.secret.active(self.now) if webhook.secret else ()


@pytest.fixture
def desk(table: Table, cipher: Cipher) -> Desk:
    return Desk(table, cipher)


def test_replaced_secret_signs_beside_the_newest_for_a_day(desk: Desk) -> None:
    assert desk.signing() == (OLD,)
    desk.save(webhook_secret=NEW)
    assert desk.signing() == (NEW, OLD)
    desk.now += ROTATION_OVERLAP
    assert desk.signing() == (NEW,)


@pytest.mark.parametrize("again", [NEW, mask_secret(NEW)])
def test_sending_the_same_secret_again_rotates_nothing(desk: Desk, again: str) -> None:
    desk.save(webhook_secret=NEW)
    before = desk.effective().replaced_webhook_secret
    desk.save(webhook_secret=again, first_message="Hi")
    assert desk.effective().replaced_webhook_secret == before
    assert desk.signing() == (NEW, OLD)


def test_cleared_and_first_secrets_leave_nothing_beside_them(desk: Desk) -> None:
    desk.save(webhook_secret=NEW)
    desk.save(webhook_secret=None)
    assert desk.signing() == ()
    desk.save(webhook_secret=NEW)
    assert desk.signing() == (NEW,)


def test_frozen_form_carries_the_replaced_secret_encrypted(desk: Desk, cipher: Cipher, table: Table) -> None:
    stored = desk.save(webhook_secret=NEW)
    effective = desk.effective()
    frozen = effective.freeze(cipher, org_id=ORG, call_id="call-1")
    thawed = EffectiveAssistant.thaw(frozen, cipher, org_id=ORG, call_id="call-1")
    assert thawed == effective
    assert desk.signing(thawed) == (NEW, OLD)
    kept = str([frozen, list(table.query(f"ORG#{ORG}")), stored.public(), effective.public_view(), repr(effective)])
    assert (OLD in kept, NEW in kept) == (False, False)


@pytest.mark.parametrize(
    ("override", "signing"),
    [
        ({"first_message": "Hi"}, (NEW, OLD)),
        ({"webhook_url": "https://example.com/other"}, (NEW, OLD)),
        ({"webhook_secret": mask_secret(NEW)}, (NEW, OLD)),
        ({"webhook_secret": "another"}, ("another",)),
        ({"webhook_secret": None}, ()),
    ],
)
def test_override_with_its_own_secret_signs_with_that_alone(
    desk: Desk, override: dict[str, Any], signing: tuple[str, ...]
) -> None:
    desk.save(webhook_secret=NEW)
    assert desk.signing(with_override(desk.effective(), override)) == signing


def test_transient_assistant_keeps_the_rotation_only_with_the_webhook(desk: Desk) -> None:
    desk.save(webhook_secret=NEW)
    base = desk.effective()
    assert desk.signing(transient(PIPELINE, base=base)) == (NEW, OLD)
    assert desk.signing(transient({**PIPELINE, "webhook_url": "https://example.com/other"}, base=base)) == ()


def disable(table: Table) -> None:
    table.put(Put({**endpoint_ref(ORG, URL)._asdict(), "disabled_at": "2026-11-22T12:00:00.000Z"}))


@pytest.mark.parametrize(
    ("members", "enabled"),
    [({"webhook_url": URL}, True), ({"first_message": "Hi"}, False), ({"webhook_url": None}, False)],
)
def test_saving_the_webhook_url_again_enables_its_endpoint(
    desk: Desk, table: Table, requests_made: Requests, members: dict[str, Any], enabled: bool
) -> None:
    disable(table)
    requests_made.clear()
    desk.save(**members)
    assert requests_made == ["BatchGetItem", "TransactWriteItems"]
    assert (table.get(endpoint_ref(ORG, URL)) is None) is enabled


def test_creating_an_assistant_with_the_url_enables_its_endpoint(
    desk: Desk, table: Table, requests_made: Requests
) -> None:
    disable(table)
    requests_made.clear()
    desk.store.create(ORG, AssistantSettings.model_validate({"name": "Second", "webhook_url": URL}))
    assert requests_made == ["TransactWriteItems"]
    assert table.get(endpoint_ref(ORG, URL)) is None
