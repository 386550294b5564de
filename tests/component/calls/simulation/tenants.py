"""Whose calls they are: organizations that pay in different ways, with assistants of different kinds."""

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, cast

from sovereign.assistants import EffectiveAssistant, transient
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Put, Table
from sovereign.organizations.items import to_item
from sovereign.organizations.model import BillingMode, Organization
from tests.component.calls.harness import ReversibleCipher
from tests.component.webhooks.world import SECRET, URL

CIPHER = cast(Cipher, ReversibleCipher())
PLENTY, FEW = 100_000, 60
"""Minutes: enough for all, and so few that calls are refused and cut off."""


@dataclass(frozen=True)
class Tenant:
    """`payer` is None where minutes are not reserved; `told` is whether somebody is to get webhooks."""

    org_id: str
    number: str
    assistant: EffectiveAssistant
    payer: str | None
    minutes: int
    told: bool


def drawn_tenants(chance: Random, table: Table, now: datetime) -> dict[str, Tenant]:
    """One that is metered, one that has few minutes, a child that draws on the first, one that has no limit."""
    made = {}
    kinds: list[tuple[str, str | None, int]] = [
        ("metered", "metered", PLENTY),
        ("poor", "poor", chance.randrange(FEW)),
        ("child", "metered", 0),
        ("unlimited", None, 0),
    ]
    for place, (org_id, payer, minutes) in enumerate(kinds):
        told = org_id != "poor"
        mode: BillingMode = "metered" if payer else "unlimited"
        parent = payer if payer != org_id else None
        table.put(Put(to_item(Organization(org_id, org_id, parent, mode, minutes, now, now))))
        assistant = _assistant(told=told, gdpr_mode=org_id == "child")
        made[org_id] = Tenant(org_id, f"+3185000000{place}", assistant, payer, minutes, told)
    return made


def _assistant(*, told: bool, gdpr_mode: bool) -> EffectiveAssistant:
    members: dict[str, Any] = {"webhook_url": URL, "webhook_secret": SECRET} if told else {}
    chosen = transient(
        {
            "llm_config": {"provider": "local", "model": "intents"},
            "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
            "tts_config": {"provider": "local", "voice_id": "heart"},
            **members,
        }
    )
    return chosen.model_copy(update={"settings": chosen.settings.model_copy(update={"gdpr_mode": gdpr_mode})})
