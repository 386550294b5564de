"""Imports that are interrupted, doubled, or overtaken by what happens to their campaign."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from sovereign.campaigns import CampaignStore, LeadStore, NewLead
from sovereign.campaigns.items import counting
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.kernel import aws
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.table import Ref, Table, Update
from sovereign.lead_imports import writing
from sovereign.lead_imports.store import HELD, ImportStore
from tests.component.assistants.fixtures import ORG
from tests.component.campaigns.contacts import phone
from tests.component.campaigns.sweeping import sweep
from tests.component.lead_imports.conftest import Imports, KilledError, tally

REAL_LEADS = writing.LEADS
KillAt = Callable[[int, bool], None]
FILE = "phone_number\n" + "".join(f"{phone(i)}\n" for i in range(9)) + f"x\n{phone(7)}\n\n"
ALL = {"imported": 9, "skipped": 0, "duplicate": 1, "invalid": 1}
WRONG = [
    "line,problem",
    "11,\"phone_number: must be a valid phone number in E.164 form, e.g. +31850835037\"",
    "12,phone_number: is also on line 9",
]  # fmt: skip
TRANSACTIONS = 6
"""The beginning, three pieces, the end, and the removal of what the error file holds."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LEADS", 4)


def check(imports: Imports, key: Any) -> None:
    """The whole file is in, once."""
    assert imports.tally(key) == ALL
    assert [lead["phone_number"] for lead in imports.leads()] == [phone(i) for i in range(9)]
    assert imports.campaign().counts.pending == imports.campaign().counts.total == 9
    assert [line.replace('"', "") for line in imports.errors(key)] == [line.replace('"', "") for line in WRONG]


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("place", range(TRANSACTIONS))
def test_killed_import_is_finished_by_the_sweep(imports: Imports, kill_at: KillAt, place: int, committed: bool) -> None:
    key = imports.upload(FILE)
    kill_at(place, committed)
    with pytest.raises(KilledError):
        imports.work(key)
    assert imports.work(key) == "done", "held: nobody else works on it meanwhile, or it is finished"
    imports.pass_time(seconds=HELD.total_seconds() + 1)
    overdue = ImportStore(imports.table, clock=lambda: imports.now).overdue()
    assert list(overdue) in ([key], [])
    assert imports.work(key) == "done"
    check(imports, key)
    assert imports.objects() == [key.errors]
    assert list(ImportStore(imports.table, clock=lambda: imports.now).overdue()) == []


def test_import_goes_on_where_its_time_ended(imports: Imports, requests_made: list[str]) -> None:
    key = imports.upload(FILE)
    outcomes, processed = [], []
    while (outcome := imports.work(key, pieces=1)) == "again":
        outcomes.append(outcome)
        processed.append(imports.shown(key)["processed_rows"])
        assert imports.campaign().counts.total == imports.tally(key)["imported"]
    assert processed == [4, 8]
    assert imports.shown(key)["status"] == "completed"
    check(imports, key)


def test_second_worker_leaves_a_held_import_alone(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    key, whole, outcomes = imports.upload(FILE), imports.table.transact, []

    def meanwhile(writes: Any) -> None:
        monkeypatch.setattr(imports.table, "transact", whole)
        outcomes.append(imports.work(key))
        whole(writes)

    monkeypatch.setattr(imports.table, "transact", meanwhile)
    assert imports.work(key) == "done"
    assert outcomes == ["done"]
    check(imports, key)


def test_worker_that_was_given_up_for_dead_changes_nothing_when_it_wakes(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, whole, made = imports.upload(FILE), imports.table.transact, []

    def slow(writes: Any) -> None:
        made.append(len(writes))
        if len(made) == 2:  # the first piece: another worker does everything meanwhile
            monkeypatch.setattr(imports.table, "transact", whole)
            imports.pass_time(seconds=HELD.total_seconds() + 1)
            assert imports.work(key) == "done"
        whole(writes)

    monkeypatch.setattr(imports.table, "transact", slow)
    assert imports.work(key) == "done"
    check(imports, key)


def test_event_that_comes_twice_and_late_uploads_change_nothing(imports: Imports) -> None:
    key = imports.upload(FILE)
    imports.work(key)
    imports.upload("phone_number\n+31612345678\n", key)
    assert imports.work(key) == "done"
    check(imports, key)
    assert imports.objects() == [key.errors], "what was uploaded later is deleted"


def test_upload_that_is_replaced_while_it_is_read_does_no_harm(imports: Imports) -> None:
    key = imports.upload(FILE)
    imports.work(key, pieces=1)
    imports.upload("phone_number\n+31612345678\n", key)
    assert imports.work(key) == "done"
    check(imports, key)


def test_same_file_again_changes_nothing(imports: Imports, client: TestClient) -> None:
    first = imports.upload(FILE)
    imports.work(first)
    lead = imports.leads()[0]
    client.delete(f"campaigns/{imports.campaign_id}/leads/{lead['id']}")
    again = imports.run(FILE)
    assert (again["status"], again["same_as_import_id"], again["total_rows"]) == ("completed", first.import_id, 11)
    assert sum(tally(again).values()) == 0
    assert imports.campaign().counts.total == 8
    other = imports.run(FILE + "\n")
    assert tally(other) == {"imported": 1, "skipped": 0, "duplicate": 9, "invalid": 1}
    assert imports.campaign().counts.total == 9


def test_same_file_may_go_into_two_campaigns(imports: Imports, client: TestClient, draft: dict[str, Any]) -> None:
    imports.run(FILE)
    imports.campaign_id = client.post("campaigns", json=draft).json()["campaign"]["id"]
    assert imports.run(FILE)["imported_rows"] == 9


def test_rival_that_adds_a_number_meanwhile_makes_a_duplicate(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, whole, made = imports.upload(FILE), imports.table.transact, []

    def rival(writes: Any) -> None:
        made.append(len(writes))
        if len(made) == 2:
            monkeypatch.setattr(imports.table, "transact", whole)
            LeadStore(imports.table).add(ORG, imports.campaign_id, [NewLead(phone_number=phone(3))])
        whole(writes)

    monkeypatch.setattr(imports.table, "transact", rival)
    imports.work(key)
    assert imports.tally(key) == {**ALL, "imported": 8, "duplicate": 2}
    assert imports.campaign().counts.total == 9
    assert "5,phone_number: is in this campaign already" in imports.errors(key)


def test_leads_added_while_the_file_gets_its_numbers_do_not_collide(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, whole = imports.upload("phone_number\n" + phone(1)), imports.table.transact

    def rival(writes: Any) -> None:
        monkeypatch.setattr(imports.table, "transact", whole)
        LeadStore(imports.table).add(ORG, imports.campaign_id, [NewLead(phone_number=phone(2))])
        whole(writes)

    monkeypatch.setattr(imports.table, "transact", rival)
    imports.work(key)
    assert [lead["phone_number"] for lead in imports.leads()] == [phone(2), phone(1)]


def test_cancelled_campaign_stops_its_import_and_says_so(imports: Imports, client: TestClient) -> None:
    key = imports.upload(FILE)
    imports.work(key, pieces=2)
    client.patch(f"campaigns/{imports.campaign_id}", json={"status": "cancelled"})
    assert imports.work(key) == "done"
    shown = imports.shown(key)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "campaign_closed")
    assert "cancelled" in shown["error"]["message"]
    assert shown["imported_rows"] == imports.campaign().counts.total == 8
    assert imports.objects() == []


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_deleted_campaign_takes_its_imports_with_it(
    imports: Imports, client: TestClient, pieces: int, swept: bool
) -> None:
    key = imports.upload("phone_number\nx\n" + FILE.split("\n", 1)[1])
    if pieces:
        imports.work(key, pieces=pieces)
    assert client.delete(f"campaigns/{imports.campaign_id}").status_code == 200
    imports.upload(FILE, key)  # the address of the upload is still good
    if swept:
        sweep(imports.table)
    assert imports.work(key) == "done"
    assert imports.objects() == []
    sweep(imports.table)
    rows = aws.client("dynamodb").scan(TableName=imports.table.name)["Items"]
    assert [row["sk"]["S"] for row in rows if imports.campaign_id in row["pk"]["S"]] == []


def test_campaign_that_is_not_deleted_keeps_its_files(
    imports: Imports, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lead is called between the look at the campaign and its removal."""
    key, whole = imports.upload(FILE), Table.transact
    campaign, calling = Ref(f"ORG#{ORG}", f"CAMPAIGN#{imports.campaign_id}"), {"pending_leads": -1, "calling_leads": 1}

    def called_first(table: Table, writes: Any) -> None:
        monkeypatch.setattr(Table, "transact", whole)
        table.update(Update(campaign, add=calling))
        whole(table, writes)

    monkeypatch.setattr(Table, "transact", called_first)
    assert client.delete(f"campaigns/{imports.campaign_id}").status_code == 409
    assert Table.transact is whole, "the removal was tried"
    imports.table.update(Update(campaign, add={name: -by for name, by in calling.items()}))
    assert imports.work(key) == "done"
    assert imports.campaign().counts.total == 9


def test_delete_that_was_cut_off_before_the_files_is_finished_by_another(imports: Imports, client: TestClient) -> None:
    imports.upload(FILE)
    CampaignStore(imports.table).delete(ORG, imports.campaign_id)
    assert imports.objects() != []
    assert client.delete(f"campaigns/{imports.campaign_id}").status_code == 404
    assert imports.objects() == []


def test_campaign_that_is_deleted_under_a_running_import_ends_it(
    imports: Imports, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, whole, made = imports.upload(FILE), imports.table.transact, []

    def delete_first(writes: Any) -> None:
        made.append(len(writes))
        if len(made) == 3:
            monkeypatch.setattr(imports.table, "transact", whole)
            assert client.delete(f"campaigns/{imports.campaign_id}").status_code == 200
        whole(writes)

    monkeypatch.setattr(imports.table, "transact", delete_first)
    assert imports.work(key) == "done"
    assert imports.work(key) == "done"
    assert imports.objects() == []
    sweep(imports.table)
    rows = aws.client("dynamodb").scan(TableName=imports.table.name)["Items"]
    assert [row["sk"]["S"] for row in rows if imports.campaign_id in row["pk"]["S"]] == []


def test_campaign_is_not_completed_before_its_import(imports: Imports, client: TestClient) -> None:
    client.patch(f"campaigns/{imports.campaign_id}", json={"status": "scheduled"})
    key = imports.upload(FILE)
    imports.work(key, pieces=1)
    finished: dict[str, int] = {"pending_leads": -4, "completed_leads": 4}
    imports.table.update(counting(Ref(f"ORG#{ORG}", f"CAMPAIGN#{imports.campaign_id}"), finished))
    moves = LeadMoves(imports.table)
    assert not moves.complete(imports.campaign())
    while imports.work(key) == "again":
        pass
    finished = {"pending_leads": -5, "completed_leads": 5}
    imports.table.update(counting(Ref(f"ORG#{ORG}", f"CAMPAIGN#{imports.campaign_id}"), finished))
    assert moves.complete(imports.campaign())


def test_import_that_fails_lets_go_of_its_file_and_its_campaign(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = imports.upload(FILE)
    imports.work(key, pieces=1)
    imports.table.update(
        Update(Ref(f"ORG#{ORG}#CAMPAIGN#{key.campaign_id}", f"IMPORT#{key.import_id}"), set={"tries": 99})
    )
    imports.work(key)
    assert imports.shown(key)["error"]["code"] == "internal_error"
    item = imports.table.get(Ref(f"ORG#{ORG}", f"CAMPAIGN#{imports.campaign_id}"))
    assert item is not None
    assert item["open_imports"] == 0
    assert tally(imports.run(FILE)) == {"imported": 5, "skipped": 0, "duplicate": 5, "invalid": 1}


def test_trouble_with_the_table_is_tried_again_soon(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    key, whole = imports.upload(FILE), imports.table.transact

    def busy(_writes: Any) -> None:
        raise UnavailableError("the table is busy")

    monkeypatch.setattr(imports.table, "transact", busy)
    with pytest.raises(UnavailableError):
        imports.work(key)
    monkeypatch.setattr(imports.table, "transact", whole)
    imports.pass_time(seconds=61)
    assert list(ImportStore(imports.table, clock=lambda: imports.now).overdue()) == [key]
    assert imports.work(key) == "done"
    check(imports, key)


def test_end_of_an_import_is_a_fact_without_personal_data(imports: Imports, table: Table) -> None:
    key = imports.upload(FILE)
    imports.work(key)
    fact = table.get(Ref(f"ORG#{ORG}#CAMPAIGN#{key.campaign_id}", f"FACT#campaign.import.finished#{key.import_id}"))
    assert fact is not None
    assert fact["detail"] | {"occurred_at": ""} == {
        "version": 1,
        "fact_id": f"campaign.import.finished.{key.campaign_id}.{key.import_id}",
        "org_id": ORG,
        "campaign_id": key.campaign_id,
        "occurred_at": "",
        "import_id": key.import_id,
        "status": "completed",
        "imported": 9,
        "duplicate": 1,
        "invalid": 1,
    }


def test_pieces_cost_two_requests_each(imports: Imports, requests_made: list[str]) -> None:
    key = imports.upload("phone_number\n" + "".join(f"{phone(i)}\n" for i in range(40)))
    requests_made.clear()
    imports.work(key)
    assert requests_made.count("TransactWriteItems") == 1 + 10 + 1
    assert requests_made.count("BatchGetItem") == 10
    assert len(requests_made) <= 30


def test_piece_fits_a_transaction() -> None:
    assert 2 * REAL_LEADS + 4 <= writing.ROOM == 96, "lead and claim each, and some facts"
