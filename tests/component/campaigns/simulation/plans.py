"""What a simulated world is furnished with, drawn from its seed: limits, campaigns, leads."""

from random import Random
from typing import Any

from sovereign.campaigns import CampaignSettings, NewLead
from sovereign.campaigns.model import Retry, RetryRule
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.table import Table
from sovereign.organizations.model import OutboundPolicy
from sovereign.sip_trunks import TrunkSettings
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.chances import ZONES


def drawn_policy(chance: Random, *, calm: bool) -> OutboundPolicy:
    if not calm and chance.random() < 0.3:
        return OutboundPolicy(("NL", "US"), chance.randint(1, 5), chance.randint(5, 60))
    return OutboundPolicy(("NL", "US"), 100, 10_000)


def drawn_trunk(chance: Random, *, calm: bool) -> TrunkSettings:
    limits: dict[str, Any] = {}
    if not calm and chance.random() < 0.4:
        limits["max_concurrent_calls"] = chance.choice([None, 1, 2, 4])
        limits["calls_per_second"] = chance.choice([None, 0.1, 0.5, 3])
    return TrunkSettings(name="T", provider="p", address="8.8.8.8:5060", **limits)


def drawn_window(chance: Random, *, calm: bool) -> dict[str, Any]:
    if calm:
        return {"schedule_start_time": "00:00", "schedule_end_time": "23:59:59"}
    start, length = chance.randrange(1440), chance.choice([30, 90, 300, 600, 1200])
    end = (start + length) % 1440
    days = chance.sample(range(7), chance.randint(3, 7))
    return {
        "schedule_start_time": f"{start // 60:02d}:{start % 60:02d}",
        "schedule_end_time": f"{end // 60:02d}:{end % 60:02d}",
        "schedule_days": days,
    }


def drawn_settings(chance: Random, agent_id: str, *, calm: bool) -> CampaignSettings:
    return CampaignSettings(
        name="C",
        agent_id=agent_id,
        **drawn_window(chance, calm=calm),
        timezone=chance.choice(ZONES),
        calls_per_second=chance.choice([0.1, 0.5, 1, 2, 5, 10]),
        max_concurrency=100 if calm else chance.randint(1, 20),
        system_message_template=None if calm else chance.choice([None, "Call {{name}} about {{ what }}."]),
        retry=drawn_retry(chance),
    )


def drawn_retry(chance: Random) -> Retry:
    return Retry(
        max_attempts=chance.randint(1, 4),
        delay_minutes=chance.randint(1, 90),
        busy=RetryRule(retry=chance.random() < 0.7, delay_minutes=chance.choice([None, 2])),
        voicemail=RetryRule(retry=chance.random() < 0.5),
        max_attempts_per_day=chance.randint(1, 4),
    )


def drawn_lead(chance: Random, number: int, table: Table, *, calm: bool) -> NewLead:
    phone = f"+3161{number:07d}"
    if calm:
        return NewLead.model_construct(phone_number=phone, variables={}, timezone=None)
    if chance.random() < 0.05:
        DoNotCallStore(table).add(ORG, Listing.model_construct(phone_number=phone, reason=None))
    if chance.random() < 0.05:
        phone = f"+4915112{number:06d}"
    variables = {"name": "Sam"} | ({"what": "it"} if chance.random() < 0.9 else {})
    zone = chance.choice([None, None, *ZONES]) if chance.random() < 0.95 else "Mars/Olympus"
    return NewLead.model_construct(phone_number=phone, variables=variables, timezone=zone)
