"""A campaign that is removed: gone for everybody at once, and what belonged to it with the minute's sweep."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from sovereign.campaigns import CampaignStore, LeadStore, NewLead, intake, items
from sovereign.kernel import aws
from sovereign.kernel.clock import utc_now
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.table import Page, Ref, Table, Update, Write
from tests.component.assistants.fixtures import ORG, Requests
from tests.component.campaigns.contacts import contacts, phone
from tests.component.campaigns.sweeping import sweep
from tests.component.campaigns.test_campaigns import Body, create

BLOCKS = 1
"""The item of the leads' counts by block."""


def everything(table: Table, partition: str, named: str = "") -> list[str]:
    """The sort keys, with this in them, of all that lies in the partitions whose name begins so."""
    keys: list[str] = []
    for page in aws.client("dynamodb").get_paginator("scan").paginate(TableName=table.name):
        keys += [row["sk"]["S"] for row in page["Items"] if row["pk"]["S"].startswith(partition)]
    return [sk for sk in keys if named in sk]


@pytest.mark.parametrize("count", [0, 3, 155])
def test_delete_needs_two_requests_and_the_sweep_leaves_nothing_behind(
    client: TestClient, draft: Body, table: Table, requests_made: Requests, count: int
) -> None:
    made = create(client, draft, leads=contacts(count))
    requests_made.clear()
    assert client.delete(f"campaigns/{made['id']}").json() == {"success": True}
    assert len(requests_made) <= 3
    assert gone_for(client, made["id"])
    assert client.delete(f"assistants/{draft['agent_id']}").status_code == 200
    sweep(table)
    assert everything(table, f"ORG#{ORG}#CAMPAIGN#{made['id']}") == everything(table, f"ORG#{ORG}", made["id"]) == []


def gone_for(client: TestClient, campaign_id: str) -> bool:
    """Whether nobody sees a campaign, or what is left of it, any more."""
    place = f"campaigns/{campaign_id}"
    answers = [
        client.get(place),
        client.patch(place, json={"name": "A"}),
        client.delete(place),
        client.get(f"{place}/leads"),
        client.post(f"{place}/leads", json={"phone_number": phone(5)}),
        client.post(f"{place}/leads", json={"leads": contacts(60, start=1000)}),
        client.post(f"{place}/imports"),
    ]
    listed = [campaign["id"] for campaign in client.get("campaigns").json()["campaigns"]]
    return campaign_id not in listed and {answer.status_code for answer in answers} == {404}


def test_what_a_sweep_has_no_time_for_is_left_to_the_next_one(client: TestClient, draft: Body, table: Table) -> None:
    made, kept = (create(client, draft, leads=contacts(120)) for _ in range(2))
    partition, everyone = f"ORG#{ORG}#CAMPAIGN#{made['id']}", 2 * 120 + BLOCKS
    client.delete(f"campaigns/{made['id']}")
    moments = iter(utc_now() + timedelta(seconds=30 * look) for look in range(1000))
    left = [everyone]
    while left[-1]:
        sweep(table, lambda: next(moments))
        left.append(len(everything(table, partition)))
        assert len(left) < 10
    assert len(left) > 3
    sweep(table)
    assert everything(table, f"ORG#{ORG}", made["id"]) == []
    assert len(everything(table, f"ORG#{ORG}#CAMPAIGN#{kept['id']}")) == everyone
    assert client.get(f"campaigns/{kept['id']}").json()["campaign"]["total_leads"] == 120


def test_partitions_without_anything_keep_no_other_campaign_waiting(
    client: TestClient, draft: Body, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of leads are used up by rows of files that become none."""
    monkeypatch.setattr(items, "BLOCK", 4)
    empty, other = (create(client, draft, leads=contacts(2)) for _ in range(2))
    table.update(Update(Ref(f"ORG#{ORG}", f"CAMPAIGN#{empty['id']}"), set={"last_lead_number": 400}))
    for made in (empty, other):
        assert client.delete(f"campaigns/{made['id']}").status_code == 200
    now, whole = [utc_now()], table.page

    def slow(*args: Any, **bounds: Any) -> Page:
        now[0] += timedelta(seconds=1)
        return whole(*args, **bounds)

    took = []
    with monkeypatch.context() as slowly:
        slowly.setattr(table, "page", slow)
        while everything(table, f"ORG#{ORG}", empty["id"]) or everything(table, f"ORG#{ORG}", other["id"]):
            began = now[0]
            sweep(table, lambda: now[0])
            took.append((now[0] - began).total_seconds())
            assert len(took) < 5
    assert len(took) > 1
    assert max(took) < 60


def test_removal_that_fails_on_the_way_is_taken_up_by_the_next_sweep(
    client: TestClient, draft: Body, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(client, draft, leads=contacts(120))
    client.delete(f"campaigns/{made['id']}")
    whole, pieces = table.transact, itertools.count()
    with monkeypatch.context() as broken:
        broken.setattr(table, "transact", lambda writes: unavailable() if next(pieces) else whole(writes))
        sweep(table)
    assert 0 < len(everything(table, f"ORG#{ORG}#CAMPAIGN#{made['id']}")) < 2 * 120
    sweep(table)
    assert everything(table, f"ORG#{ORG}#CAMPAIGN#{made['id']}") == everything(table, f"ORG#{ORG}", made["id"]) == []


def test_leads_added_while_their_campaign_is_removed_go_with_it(
    client: TestClient, draft: Body, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BLOCK", 4)
    made, whole = create(client, draft, leads=contacts(3)), table.transact

    def added_first(writes: Sequence[Write]) -> None:
        monkeypatch.setattr(table, "transact", whole)
        assert client.post(f"campaigns/{made['id']}/leads", json={"leads": contacts(3, start=2000)}).status_code == 201
        whole(writes)

    monkeypatch.setattr(table, "transact", added_first)
    CampaignStore(table).delete(ORG, made["id"])
    sweep(table)
    assert everything(table, f"ORG#{ORG}#CAMPAIGN#{made['id']}") == []


def test_delete_also_removes_numbers_claimed_by_a_request_that_was_cut_off(
    client: TestClient, draft: Body, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(client, draft, leads=contacts(2))
    whole = table.transact
    with monkeypatch.context() as cut_off:
        cut_off.setattr(intake.LeadIntake, "_free", lambda *_: None)  # killed before it could clean up
        cut_off.setattr(table, "transact", lambda writes: whole(writes) if len(writes) == 55 else unavailable())
        with pytest.raises(UnavailableError):
            LeadStore(table).add(ORG, made["id"], [NewLead(**contact) for contact in contacts(55, start=10)])
    partition = f"ORG#{ORG}#CAMPAIGN#{made['id']}"
    assert len(everything(table, partition)) == 2 * 2 + 55 + BLOCKS
    assert client.delete(f"campaigns/{made['id']}").json() == {"success": True}
    sweep(table)
    assert everything(table, partition) == []


def unavailable() -> None:
    raise UnavailableError("the table is busy")


@pytest.mark.parametrize("count", [2, 55])
def test_campaign_with_a_lead_on_the_phone_is_not_deleted(
    client: TestClient, draft: Body, table: Table, count: int
) -> None:
    made = create(client, draft, leads=contacts(count))
    moves = {"pending_leads": -1, "calling_leads": 1}
    table.update(Update(Ref(f"ORG#{ORG}", f"CAMPAIGN#{made['id']}"), add=moves))
    assert client.delete(f"campaigns/{made['id']}").status_code == 409
    assert client.get(f"campaigns/{made['id']}").json()["campaign"]["total_leads"] == count
