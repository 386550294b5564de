"""The campaign routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.campaigns.router import router
from sovereign.campaigns.items import campaign_pk
from sovereign.kernel.table import Ref, Table, Update
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests
from tests.component.campaigns.contacts import contacts, phone

Body = dict[str, Any]

PROGRESS = {"finished_leads": 0, "dialled": 0, "calls_last_minute": 0, "expected_end_at": None, "hold": None}
AGAIN = {"retry": True, "delay_minutes": None}
RULES = {
    "busy": AGAIN,
    "no_answer": AGAIN,
    "failed": AGAIN,
    "voicemail": {"retry": False, "delay_minutes": None},
    "max_attempts_per_day": 3,
}


def create(client: TestClient, body: Body, **members: Any) -> Body:
    answer = client.post("campaigns", json={**body, **members})
    assert answer.status_code == 201, answer.text
    campaign: Body = answer.json()["campaign"]
    return campaign


def test_create_shows_every_default(client: TestClient, draft: Body) -> None:
    made = create(client, draft)
    assert client.get(f"campaigns/{made['id']}").json() == {"campaign": made}
    assert client.get("campaigns").json() == {"campaigns": [made]}
    for name in ("id", "created_at", "updated_at"):
        assert made.pop(name)
    assert made == {
        **draft,
        "schedule_start_time": "09:00:00",
        "assistant_id": draft["agent_id"],
        "status": "draft",
        "system_message_template": None,
        "schedule_days": [0, 1, 2, 3, 4, 5, 6],
        "max_concurrency": 5,
        "calls_per_second": 1,
        "retry": {"max_attempts": 1, "delay_minutes": 60, **RULES},
        "number_id": None,
        "total_leads": 0,
        "pending_leads": 0,
        "calling_leads": 0,
        "completed_leads": 0,
        "failed_leads": 0,
        "skipped_leads": 0,
        "progress": PROGRESS,
    }


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"agent_id": "x"}, "agent_id"),
        ({"agent_id": UNKNOWN_ID}, "agent_id"),
        ({"number_id": UNKNOWN_ID}, "number_id"),
        ({"schedule_start_time": "9:00"}, "schedule_start_time"),
        ({"schedule_start_time": "24:00"}, "schedule_start_time"),
        ({"schedule_end_time": "12:60"}, "schedule_end_time"),
        ({"schedule_end_time": "09:00:00"}, "schedule_end_time"),
        ({"timezone": "Mars/Phobos"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "Factory"}, "timezone"),
        ({"schedule_days": []}, "schedule_days"),
        ({"schedule_days": [7]}, "schedule_days[0]"),
        ({"schedule_days": [1, 1]}, "schedule_days"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": 101}, "max_concurrency"),
        ({"calls_per_second": 0.09}, "calls_per_second"),
        ({"calls_per_second": 10.1}, "calls_per_second"),
        ({"retry": {"max_attempts": 6}}, "retry.max_attempts"),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"retry": {"delay": 1}}, "retry.delay"),
        ({"status": "scheduled"}, "status"),
        ({"total_leads": 0}, "total_leads"),
        ({"leads": [{"phone_number": "0612345678"}]}, "leads[0].phone_number"),
        ({"leads": [{"phone_number": phone(1), "variables": {"n": 5}}]}, "leads[0].variables.n"),
        ({"leads": [{"phone_number": phone(1), "timezone": "Nowhere"}]}, "leads[0].timezone"),
        ({"leads": [{"phone_number": phone(1), "status": "completed"}]}, "leads[0].status"),
    ],
)
def test_bad_member_is_named(client: TestClient, draft: Body, members: Body, path: str) -> None:
    answer = client.post("campaigns", json={**draft, **members})
    assert answer.status_code == 400
    assert answer.json()["details"][0].split(": ")[0] == path


@pytest.mark.parametrize("name", ["name", "agent_id", "schedule_start_time", "schedule_end_time", "timezone"])
def test_required_member_is_missed(client: TestClient, draft: Body, name: str) -> None:
    del draft[name]
    answer = client.post("campaigns", json=draft)
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_field")


@pytest.mark.parametrize(
    "members",
    [
        {"schedule_start_time": "22:00", "schedule_end_time": "06:00"},
        {"max_concurrency": 100, "calls_per_second": 10},
        {"max_concurrency": 1, "calls_per_second": 0.1},
        {"retry": {"max_attempts": 5, "delay_minutes": 1}, "schedule_days": [6, 0]},
        {"timezone": "America/Argentina/Buenos_Aires", "system_message_template": "Hello {{name}}"},
    ],
)
def test_bounds_are_accepted(client: TestClient, draft: Body, members: Body) -> None:
    create(client, draft, **members)


def test_either_spelling_of_the_assistant_is_taken(client: TestClient, draft: Body) -> None:
    agent_id = draft.pop("agent_id")
    assert create(client, draft, assistant_id=agent_id)["agent_id"] == agent_id
    both = client.post("campaigns", json={**draft, "assistant_id": agent_id, "agent_id": UNKNOWN_ID})
    assert both.status_code == 400


@pytest.mark.parametrize("count", [0, 1, 48])
def test_create_with_leads_counts_them_exactly(client: TestClient, draft: Body, count: int) -> None:
    made = create(client, draft, leads=contacts(count))
    assert (made["total_leads"], made["pending_leads"]) == (count, count)
    assert client.get(f"campaigns/{made['id']}").json()["campaign"] == made
    listed = client.get(f"campaigns/{made['id']}/leads").json()
    assert [lead["phone_number"] for lead in listed["leads"]] == [phone(index) for index in range(count)]
    assert listed["pagination"] == {"total": count, "limit": 1000, "offset": 0}


def test_more_than_a_thousand_leads_are_refused(client: TestClient, draft: Body) -> None:
    assert client.post("campaigns", json={**draft, "leads": contacts(1001)}).status_code == 400


def test_repeated_numbers_of_a_new_campaign_are_all_named(client: TestClient, draft: Body) -> None:
    answer = client.post("campaigns", json={**draft, "leads": [*contacts(3), *contacts(2)]})
    assert answer.status_code == 409
    assert [detail.split(": ")[0] for detail in answer.json()["details"]] == [
        "leads[3].phone_number",
        "leads[4].phone_number",
    ]
    assert client.get("campaigns").json() == {"campaigns": []}


def test_patch_changes_each_member_and_nulls_the_nullable(client: TestClient, draft: Body, agent_id: str) -> None:
    made = create(client, draft, system_message_template="Hi {{name}}")
    other = client.post("assistants", json={"name": "Other"}).json()["assistant"]["id"]
    for member, value in {
        "name": "Summer",
        "agent_id": other,
        "schedule_start_time": "10:00:00",
        "schedule_end_time": "11:00:00",
        "timezone": "America/New_York",
        "system_message_template": None,
        "schedule_days": [0, 4],
        "max_concurrency": 9,
        "calls_per_second": 2.5,
        "retry": {"max_attempts": 3, "delay_minutes": 5, **RULES},
        "status": "paused",
    }.items():
        answer = client.patch(f"campaigns/{made['id']}", json={member: value})
        assert answer.status_code == 200, answer.text
        assert answer.json()["campaign"][member] == value
    assert client.get(f"campaigns/{made['id']}").json()["campaign"]["assistant_id"] == other


def test_whole_object_can_be_sent_back(client: TestClient, draft: Body) -> None:
    made = create(client, draft, leads=contacts(2))
    answer = client.patch(f"campaigns/{made['id']}", json={**made, "name": "Renamed"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["campaign"] == {
        **made,
        "name": "Renamed",
        "updated_at": answer.json()["campaign"]["updated_at"],
    }
    moved = {"progress": {**made["progress"], "finished_leads": 1}}  # as it was when the client read it
    assert client.patch(f"campaigns/{made['id']}", json=moved).json()["campaign"]["progress"] == made["progress"]
    refused = client.patch(f"campaigns/{made['id']}", json={"total_leads": 9})
    assert refused.json()["details"] == ["total_leads: is read-only and differs from the stored value"]


def test_window_is_checked_over_stored_and_sent_members(client: TestClient, draft: Body) -> None:
    made = create(client, draft)
    answer = client.patch(f"campaigns/{made['id']}", json={"schedule_start_time": "17:30"})
    assert answer.json()["details"] == ["schedule_end_time: must differ from schedule_start_time"]


def test_started_campaign_has_nothing_to_be_warned_of(client: TestClient, draft: Body) -> None:
    made = create(client, draft)
    answer = client.patch(f"campaigns/{made['id']}", json={"status": "scheduled"}).json()
    assert answer["campaign"]["status"] == "scheduled"
    assert "warnings" not in answer


def test_completed_is_not_for_clients_to_set(client: TestClient, draft: Body) -> None:
    made = create(client, draft)
    answer = client.patch(f"campaigns/{made['id']}", json={"status": "completed"})
    assert (answer.status_code, answer.json()["details"]) == (400, ["status: completed is set by the platform"])
    assert client.patch(f"campaigns/{made['id']}", json={"status": "running"}).status_code == 400


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_closed_campaign_refuses_change(client: TestClient, draft: Body, table: Table, status: str) -> None:
    made = create(client, draft, leads=contacts(2))
    place = f"campaigns/{made['id']}"
    lead = client.get(f"{place}/leads").json()["leads"][0]
    table.update(Update(Ref(f"ORG#{ORG}", f"CAMPAIGN#{made['id']}"), set={"status": status}))
    for send in (
        lambda: client.patch(place, json={"name": "X"}),
        lambda: client.patch(place, json={"status": "draft"}),
        lambda: client.post(f"{place}/leads", json={"phone_number": phone(9)}),
        lambda: client.post(f"{place}/leads", json={"leads": contacts(2, start=100)}),
        lambda: client.delete(f"{place}/leads/{lead['id']}"),
    ):
        answer = send()
        assert (answer.status_code, status in answer.json()["message"]) == (409, True)
    assert client.get(place).json()["campaign"]["total_leads"] == 2
    assert client.delete(place).status_code == 200


def test_cancelled_campaign_shows_what_it_never_came_to_as_skipped(client: TestClient, draft: Body) -> None:
    made = create(client, draft, leads=contacts(3))
    cancelled = client.patch(f"campaigns/{made['id']}", json={"status": "cancelled"}).json()["campaign"]
    assert (cancelled["pending_leads"], cancelled["skipped_leads"], cancelled["total_leads"]) == (0, 3, 3)
    leads = client.get(f"campaigns/{made['id']}/leads").json()["leads"]
    assert {(lead["status"], lead["outcome"]) for lead in leads} == {("skipped", "campaign_cancelled")}


def test_cancelling_is_told_once(client: TestClient, draft: Body, table: Table) -> None:
    made = create(client, draft, leads=contacts(3))
    for _ in range(2):
        client.patch(f"campaigns/{made['id']}", json={"status": "cancelled"})
    facts = table.query(campaign_pk(ORG, made["id"]), begins_with="FACT#", consistent=True)
    assert [fact["fact"] for fact in facts] == ["campaign.cancelled"]


def test_used_assistant_and_number_are_not_deleted(client: TestClient, draft: Body) -> None:
    number = client.post("numbers", json={"phone_number": "+31850835037"}).json()["number"]
    made = create(client, draft, number_id=number["id"])
    for place in (f"assistants/{draft['agent_id']}", f"numbers/{number['id']}"):
        answer = client.delete(place)
        assert (answer.status_code, answer.json()["details"]) == (409, ["campaign Spring"])
    client.patch(f"campaigns/{made['id']}", json={"number_id": None})
    assert client.delete(f"numbers/{number['id']}").status_code == 200
    assert client.delete(f"campaigns/{made['id']}").status_code == 200
    assert client.delete(f"assistants/{draft['agent_id']}").status_code == 200


def test_unknown_and_foreign_ids_are_not_found(client: TestClient, api: Api, draft: Body) -> None:
    made = create(client, draft, leads=contacts(1))
    lead_id = client.get(f"campaigns/{made['id']}/leads").json()["leads"][0]["id"]
    stranger = api(router, org_id=OTHER_ORG)
    for who, campaign_id in ((client, UNKNOWN_ID), (client, "x"), (stranger, made["id"])):
        place = f"campaigns/{campaign_id}"
        assert who.get(place).status_code == 404
        assert who.patch(place, json={"name": "A"}).status_code == 404
        assert who.delete(place).status_code == 404
        assert who.get(f"{place}/leads").status_code == 404
        assert who.post(f"{place}/leads", json={"phone_number": phone(5)}).status_code == 404
        assert who.delete(f"{place}/leads/{lead_id}").status_code == 404
    foreign = stranger.post("campaigns", json=draft)
    assert foreign.json()["details"] == ["agent_id: no such assistant"]
    assert client.get(f"campaigns/{made['id']}").json() == {"campaign": made}


def test_routes_stay_within_their_table_requests(client: TestClient, draft: Body, requests_made: Requests) -> None:
    requests_made.clear()
    made = create(client, draft, leads=contacts(47))
    assert len(requests_made) <= 3
    place = f"campaigns/{made['id']}"
    lead = client.get(f"{place}/leads").json()["leads"][0]
    for send, limit in (
        (lambda: client.get("campaigns"), 2),
        (lambda: client.get(place), 2),
        (lambda: client.get(f"{place}/leads?offset=40&limit=3"), 2),
        (lambda: client.patch(place, json={"name": "Y", "agent_id": draft["agent_id"]}), 3),
        (lambda: client.post(f"{place}/leads", json={"leads": contacts(49, start=100)}), 3),
        (lambda: client.delete(f"{place}/leads/{lead['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code in (200, 201)
        assert len(requests_made) <= limit
