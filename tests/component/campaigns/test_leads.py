"""Adding, listing and removing leads."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from sovereign.campaigns import LeadStore, NewLead, intake, items
from sovereign.campaigns.intake import ABANDONED_AFTER
from sovereign.campaigns.items import blocks_ref, campaign_ref, lead_ref, phone_ref
from sovereign.campaigns.lead import new_lead_id, number_in
from sovereign.do_not_call import DoNotCallStore
from sovereign.do_not_call.model import Listing
from sovereign.kernel.clock import to_wire, utc_now
from sovereign.kernel.errors import ConflictError, UnavailableError
from sovereign.kernel.references import is_id
from sovereign.kernel.table import Delete, Put, Table, Update
from tests.component.assistants.fixtures import ORG, UNKNOWN_ID, Requests
from tests.component.campaigns.contacts import contacts, phone
from tests.component.campaigns.told import told

Body = dict[str, Any]


@pytest.fixture
def campaign_id(client: TestClient, draft: Body) -> str:
    made: str = client.post("campaigns", json=draft).json()["campaign"]["id"]
    return made


def counts(client: TestClient, campaign_id: str) -> dict[str, int]:
    campaign = client.get(f"campaigns/{campaign_id}").json()["campaign"]
    return {name.removesuffix("_leads"): campaign[name] for name in campaign if name.endswith("_leads")}


def numbers_in(client: TestClient, campaign_id: str, query: str = "") -> list[str]:
    listed = client.get(f"campaigns/{campaign_id}/leads{query}").json()["leads"]
    return [lead["phone_number"] for lead in listed]


def test_one_lead_comes_back_whole(client: TestClient, campaign_id: str) -> None:
    body = {"phone_number": phone(1), "variables": {"name": "Ada", "leeg": ""}, "timezone": "Asia/Tokyo"}
    answer = client.post(f"campaigns/{campaign_id}/leads", json=body)
    lead = answer.json()["lead"]
    assert answer.status_code == 201
    assert lead == {
        **body,
        "id": lead["id"],
        "created_at": lead["created_at"],
        "campaign_id": campaign_id,
        "status": "pending",
        "outcome": None,
        "call_id": None,
        "attempts": 0,
        "last_attempt_at": None,
    }
    assert client.get(f"campaigns/{campaign_id}/leads").json()["leads"] == [lead]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "phone_number"),
        ({"phone_number": None}, "phone_number"),
        ({"phone_number": "12"}, "phone_number"),
        ({"phone_number": phone(1), "variables": {"{{x}}": "y"}}, "variables.{{x}}.[key]"),
        ({"phone_number": phone(1), "variables": {f"v{i}": "y" for i in range(51)}}, "variables"),
        ({"phone_number": phone(1), "variables": None}, "variables"),
        ({"phone_number": phone(1), "timezone": "CEST"}, "timezone"),
        ({"phone_number": phone(1), "leads": [{"phone_number": phone(2)}]}, "phone_number"),
        ({"leads": []}, "leads"),
        ({"leads": contacts(1001)}, "leads"),
        ({"leads": [{}]}, "leads[0].phone_number"),
        ({"phone_number": phone(1), "attempts": 3}, "attempts"),
    ],
)
def test_bad_lead_is_named(client: TestClient, campaign_id: str, body: Body, path: str) -> None:
    answer = client.post(f"campaigns/{campaign_id}/leads", json=body)
    assert answer.status_code == 400
    assert answer.json()["details"][0].split(": ")[0] == path
    assert counts(client, campaign_id)["total"] == 0


@pytest.mark.parametrize("count", [1, 49, 55])
def test_list_of_leads_goes_in_as_a_whole(client: TestClient, campaign_id: str, count: int) -> None:
    answer = client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(count)})
    assert answer.status_code == 201
    assert [lead["phone_number"] for lead in answer.json()["leads"]] == [phone(i) for i in range(count)]
    assert numbers_in(client, campaign_id) == [phone(i) for i in range(count)]
    assert counts(client, campaign_id)["pending"] == counts(client, campaign_id)["total"] == count


@pytest.mark.parametrize("count", [5, 55])
def test_every_duplicate_is_named_and_nothing_added(client: TestClient, campaign_id: str, count: int) -> None:
    client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(3)})
    wanted = [*contacts(count, start=100), *contacts(3)]
    answer = client.post(f"campaigns/{campaign_id}/leads", json={"leads": wanted})
    assert answer.status_code == 409
    assert answer.json()["details"] == [
        f"leads[{count + i}].phone_number: {phone(i)} is in this campaign already" for i in range(3)
    ]
    assert counts(client, campaign_id)["total"] == 3
    again = client.post(f"campaigns/{campaign_id}/leads", json={"leads": wanted[:count]})
    assert again.status_code == 201


def test_duplicates_of_both_kinds_are_named_at_once(client: TestClient, campaign_id: str) -> None:
    client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(2)})
    wanted = [*contacts(2, start=100), *contacts(1), *contacts(1), *contacts(1, start=100)]
    answer = client.post(f"campaigns/{campaign_id}/leads", json={"leads": wanted})
    assert answer.status_code == 409
    assert answer.json()["details"] == [
        f"leads[2].phone_number: {phone(0)} is in this campaign already",
        f"leads[3].phone_number: {phone(0)} is in this campaign already",
        f"leads[4].phone_number: {phone(100)} is also leads[0]",
    ]
    assert counts(client, campaign_id)["total"] == 2


def test_single_duplicate_is_a_conflict(client: TestClient, campaign_id: str) -> None:
    body = {"phone_number": phone(1)}
    client.post(f"campaigns/{campaign_id}/leads", json=body)
    answer = client.post(f"campaigns/{campaign_id}/leads", json=body)
    assert (answer.status_code, answer.json()["details"]) == (
        409,
        [f"phone_number: {phone(1)} is in this campaign already"],
    )


def test_one_number_may_be_in_two_campaigns(client: TestClient, campaign_id: str, draft: Body) -> None:
    client.post(f"campaigns/{campaign_id}/leads", json={"phone_number": phone(1)})
    assert client.post("campaigns", json={**draft, "leads": contacts(2)}).status_code == 201


@pytest.mark.parametrize("count", [5, 55])
def test_number_on_the_do_not_call_list_is_skipped(
    client: TestClient, campaign_id: str, table: Table, draft: Body, count: int
) -> None:
    DoNotCallStore(table).add(ORG, Listing(phone_number=phone(2)))
    added = client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(count)}).json()["leads"]
    assert [(lead["status"], lead["outcome"]) for lead in added[1:4]] == [
        ("pending", None),
        ("skipped", "do_not_call"),
        ("pending", None),
    ]
    assert counts(client, campaign_id) | {"total": 0} == {
        "total": 0, "pending": count - 1, "calling": 0, "completed": 0, "failed": 0, "skipped": 1,
    }  # fmt: skip
    made = client.post("campaigns", json={**draft, "leads": contacts(count)}).json()["campaign"]
    assert (made["pending_leads"], made["skipped_leads"]) == (count - 1, 1)


@pytest.mark.parametrize(("count", "listed"), [(1, 1), (33, 33), (49, 49), (120, 70)])
def test_leads_skipped_from_the_start_are_told(
    client: TestClient, campaign_id: str, table: Table, draft: Body, count: int, listed: int
) -> None:
    for number in range(listed):
        DoNotCallStore(table).add(ORG, Listing(phone_number=phone(number)))
    added = client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(count)}).json()["leads"]
    made = client.post("campaigns", json={**draft, "leads": contacts(count)}).json()["campaign"]
    assert counts(client, campaign_id)["skipped"] == made["skipped_leads"] == listed
    assert len(numbers_in(client, made["id"])) == count
    facts = told(table, campaign_id)
    assert sorted(fact["lead_id"] for fact in facts) == sorted(lead["id"] for lead in added[:listed])
    assert [(fact["status"], fact["outcome"], fact["call_id"], fact["attempts"]) for fact in facts] == [
        ("skipped", "do_not_call", None, 0)
    ] * listed
    assert len(told(table, made["id"])) == listed


def test_leads_that_fit_take_three_requests_with_those_skipped(
    client: TestClient, campaign_id: str, table: Table, requests_made: Requests
) -> None:
    DoNotCallStore(table).add(ORG, Listing(phone_number=phone(2)))
    requests_made.clear()
    client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(48)})
    assert requests_made == ["BatchGetItem", "UpdateItem", "TransactWriteItems"]


def test_pages_stay_exact_when_leads_are_removed(
    client: TestClient, campaign_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BLOCK", 10)
    everyone = []
    for start, count in ((0, 25), (25, 10)):
        body = {"leads": contacts(count, start=start)}
        everyone += client.post(f"campaigns/{campaign_id}/leads", json=body).json()["leads"]
    gone = {3, 4, 5, 8, 9, 10, 11, *range(20, 30)}
    for place in gone:
        answer = client.delete(f"campaigns/{campaign_id}/leads/{everyone[place]['id']}")
        assert answer.json() == {"success": True}
    left = [phone(i) for i in range(35) if i not in gone]
    assert counts(client, campaign_id)["total"] == len(left)
    for offset, limit in ((0, 10), (4, 3), (5, 1), (10, 8), (len(left) - 1, 5), (len(left), 5), (0, 1000)):
        page = client.get(f"campaigns/{campaign_id}/leads?offset={offset}&limit={limit}").json()
        assert [lead["phone_number"] for lead in page["leads"]] == left[offset : offset + limit]
        assert page["pagination"] == {"total": len(left), "limit": limit, "offset": offset}


def test_leads_that_an_older_version_counted_in_the_campaign_itself_stay_in_their_pages(
    client: TestClient, campaign_id: str, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "BLOCK", 4)
    made = client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(6)}).json()["leads"]
    table.update(Update(campaign_ref(ORG, campaign_id), set={"block_0": 4, "block_1": 2}))
    table.delete(Delete(blocks_ref(ORG, campaign_id)))
    client.delete(f"campaigns/{campaign_id}/leads/{made[0]['id']}")
    client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(3, start=6)})
    page = client.get(f"campaigns/{campaign_id}/leads?offset=2&limit=5").json()
    assert [lead["phone_number"] for lead in page["leads"]] == [phone(i) for i in range(3, 8)]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?offset=-1", "?limit=x"])
def test_page_out_of_bounds_is_refused(client: TestClient, campaign_id: str, query: str) -> None:
    assert client.get(f"campaigns/{campaign_id}/leads{query}").status_code == 400


def test_removed_number_can_be_added_again(client: TestClient, campaign_id: str) -> None:
    lead = client.post(f"campaigns/{campaign_id}/leads", json={"phone_number": phone(1)}).json()["lead"]
    place = f"campaigns/{campaign_id}/leads/{lead['id']}"
    assert client.delete(place).status_code == 200
    assert client.delete(place).status_code == 404
    again = client.post(f"campaigns/{campaign_id}/leads", json={"phone_number": phone(1)}).json()["lead"]
    assert again["id"] != lead["id"]
    assert counts(client, campaign_id)["total"] == 1


def test_lead_on_the_phone_is_not_removed(client: TestClient, campaign_id: str, table: Table) -> None:
    lead = client.post(f"campaigns/{campaign_id}/leads", json={"phone_number": phone(1)}).json()["lead"]
    key = lead_ref(ORG, campaign_id, lead["id"])
    table.update(Update(key, set={"status": "calling"}))
    assert client.delete(f"campaigns/{campaign_id}/leads/{lead['id']}").status_code == 409
    assert client.delete(f"campaigns/{campaign_id}/leads/{UNKNOWN_ID}").status_code == 404
    # the same number with other random digits is another id
    assert client.delete(f"campaigns/{campaign_id}/leads/{new_lead_id(1)}").status_code == 404


def test_id_carries_its_number() -> None:
    for number in (1, 1000, 2**47):
        assert is_id(new_lead_id(number))
        assert number_in(new_lead_id(number)) == number


def test_claims_of_a_request_that_was_cut_off_do_not_block_for_ever(
    client: TestClient, campaign_id: str, table: Table
) -> None:
    leads = [NewLead(**contact) for contact in contacts(52)]
    claim = phone_ref(ORG, campaign_id, phone(7))
    fresh = {**claim._asdict(), "lead_id": new_lead_id(900), "claimed_at": to_wire(utc_now())}
    table.put(Put(fresh))
    with pytest.raises(ConflictError):
        LeadStore(table).add(ORG, campaign_id, leads)
    table.put(Put({**fresh, "claimed_at": to_wire(utc_now() - ABANDONED_AFTER - timedelta(seconds=1))}))
    assert len(LeadStore(table).add(ORG, campaign_id, leads)) == 52
    assert counts(client, campaign_id)["total"] == 52


def test_table_that_fails_in_between_leaves_exact_counts_and_no_claims(
    client: TestClient, campaign_id: str, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, made = table.transact, []
    monkeypatch.setattr(intake, "WRITES", 21)
    monkeypatch.setattr(intake, "ROOM", 20)

    def failing(writes: Any) -> None:
        made.append(len(writes))
        if len(made) == 5:  # three transactions of claims and one of twenty leads went through
            raise UnavailableError("the table is busy")
        whole(writes)

    monkeypatch.setattr(table, "transact", failing)
    with pytest.raises(UnavailableError) as failure:
        LeadStore(table).add(ORG, campaign_id, [NewLead(**contact) for contact in contacts(55)])
    assert failure.value.extra == {"added": 20}
    assert counts(client, campaign_id)["total"] == 20
    rest = client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(35, start=20)})
    assert rest.status_code == 201


@pytest.mark.parametrize("count", [3, 52])
def test_rival_between_reading_and_writing_is_noticed(
    client: TestClient, campaign_id: str, table: Table, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    whole = table.transact

    def late(writes: Any) -> None:
        monkeypatch.setattr(table, "transact", whole)
        LeadStore(table).add(ORG, campaign_id, [NewLead(phone_number=phone(1))])
        whole(writes)

    monkeypatch.setattr(table, "transact", late)
    with pytest.raises(ConflictError) as conflict:
        LeadStore(table).add(ORG, campaign_id, [NewLead(**contact) for contact in contacts(count)])
    assert conflict.value.details == [f"leads[1].phone_number: {phone(1)} is in this campaign already"]
    assert numbers_in(client, campaign_id) == [phone(1)]
    assert counts(client, campaign_id)["total"] == 1


def test_hundred_leads_take_six_requests(client: TestClient, campaign_id: str, requests_made: Requests) -> None:
    requests_made.clear()
    client.post(f"campaigns/{campaign_id}/leads", json={"leads": contacts(98)})
    assert requests_made == ["BatchGetItem", "UpdateItem", "TransactWriteItems", "TransactWriteItems"]
