"""A campaign on the real state machine, to phones that are not ours, with a restart of the platform in the middle."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_media_port, free_ports
from tests.e2e import scenarios, sipp
from tests.e2e.platform_process import operator, running_stage, start, stop
from tests.e2e.stage import Json, Stage, until

LEADS = 60
AREAS = (312, 415, 617)
"""Numbers 555 0100 to 0199 of each are set aside for fiction."""
_OUTCOMES = {
    **dict.fromkeys("0123", ("completed", {"answered"})),
    **dict.fromkeys("45", ("failed", {"busy"})),
    **dict.fromkeys("67", ("failed", {"no_answer"})),
    **dict.fromkeys("89", ("completed", {"voicemail"})),
}


@pytest.fixture(scope="module")
def own_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A platform that may be stopped without disturbing other tests."""
    with running_stage(tmp_path_factory.mktemp("campaigns")) as running:
        yield running


@pytest.mark.timeout(900)
def test_every_lead_is_accounted_for_and_no_phone_rings_twice_for_an_attempt(own_stage: Stage, tmp_path: Path) -> None:
    check_campaign(own_stage, tmp_path, leads=LEADS)


def check_campaign(stage: Stage, folder: Path, *, leads: int) -> dict[str, float]:
    """Run a campaign through a restart; returns what was counted."""
    (port,) = free_ports(1)
    answer = sipp.timeline(folder / "person", 0.2, "human_answer", tail=2)
    recorder = sipp.timeline(folder / "recorder", 0.2, "voicemail_en", tail=2)
    phones = sipp.start(
        scenarios.callees_by_number(answer, recorder),
        folder,
        local_port=port,
        media_port=free_media_port(),
        calls=10 * leads,
        timeout=900,
    )
    try:
        campaign = _start(stage, port, leads)
        until(lambda: _dialled(stage, campaign) >= leads // 3 or None, 120, "a third of the calls")
        stop(stage.environment)
        start(stage.environment)
        until(lambda: stage.get(f"/campaigns/{campaign}")["campaign"]["status"] == "completed" or None, 420, "the end")
        return _check(stage, campaign, phones.all_messages())
    finally:
        phones.stop()


def _start(stage: Stage, port: int, leads: int) -> str:
    trunk = stage.make("/sip-trunks", "trunk", {"name": "P", "provider": "custom", "address": f"127.0.0.1:{port}"})
    assistant = stage.assistant(voicemail_detection=True, ai_disclosure=None)
    number = stage.number(assistant=assistant["id"], trunk=trunk["id"])
    operator(stage, "numbers", "verify", "--org", stage.local.organization_id, "--number", number["phone_number"])
    stage.change("/organizations", {"outbound_policy": {"max_concurrent_calls": 20, "max_calls_per_minute": 1000}})
    body = {
        "name": "Sixty",
        "agent_id": assistant["id"],
        "number_id": number["id"],
        "schedule_start_time": "00:00",
        "schedule_end_time": "23:59:59",
        "timezone": "UTC",
        "max_concurrency": 6,
        "calls_per_second": 2,
        "system_message_template": "Remind {{name}} of the check-up.",
        "retry": {"max_attempts": 2, "delay_minutes": 1, "no_answer": {"retry": False}, "failed": {"retry": False}},
        "leads": [{"phone_number": number, "variables": {"name": "Sam"}} for number in _numbers(leads)],
    }
    campaign: str = stage.make("/campaigns", "campaign", body)["id"]
    stage.change(f"/campaigns/{campaign}", {"status": "scheduled"})
    return campaign


def _numbers(leads: int) -> list[str]:
    """Those that are busy first: the minute until they are tried again passes while the others are called."""
    numbers = [f"+1{AREAS[n // 100]}55501{n % 100:02d}" for n in range(leads)]
    return sorted(numbers, key=lambda number: (_OUTCOMES[number[-1]][1] != {"busy"}, number))


def _dialled(stage: Stage, campaign: str) -> int:
    progress: Json = stage.get(f"/campaigns/{campaign}")["campaign"]["progress"]
    dialled: int = progress["dialled"]
    return dialled


def _check(stage: Stage, campaign_id: str, messages: str) -> dict[str, float]:
    campaign = stage.get(f"/campaigns/{campaign_id}")["campaign"]
    leads = stage.get(f"/campaigns/{campaign_id}/leads")["leads"]
    counted = Counter(lead["status"] for lead in leads)
    for status in ("pending", "calling", "completed", "failed", "skipped"):
        assert campaign[f"{status}_leads"] == counted[status], campaign
    assert counted["pending"] == counted["calling"] == 0
    rang = _rang(messages)
    for lead in leads:
        number = lead["phone_number"]
        assert rang[number] <= lead["attempts"], (number, rang[number], lead)
        status, outcomes = _OUTCOMES[number[-1]]
        if lead["outcome"] != "failed":
            assert (lead["status"], lead["outcome"] in outcomes) == (status, True), lead
            assert rang[number] >= 1, (number, lead)
    cut_off = sum(lead["outcome"] == "failed" for lead in leads)
    assert cut_off <= 2 * campaign["max_concurrency"], "more than the restart can have cut off"
    numbers = {lead["phone_number"] for lead in leads}
    calls = [call for call in stage.get("/calls", limit=1000)["calls"] if call["caller_phone"] in numbers]
    assert len(calls) == campaign["progress"]["dialled"]
    return {"leads": len(leads), "calls": len(calls), "rings": sum(rang.values())}


def _rang(messages: str) -> Counter[str]:
    """How many calls reached each number: INVITEs by their Call-ID, so that retransmissions count once."""
    invites = re.findall(r"^INVITE .*?(?=^-{20,}|\Z)", messages, re.MULTILINE | re.DOTALL)
    seen = set()
    for invite in invites:
        to = re.search(r"^To:.*?(\+\d+)@", invite, re.MULTILINE)
        call = re.search(r"^Call-ID:\s*(\S+)", invite, re.MULTILINE)
        assert to, invite
        assert call, invite
        seen.add((to[1], call[1]))
    return Counter(number for number, _ in seen)
