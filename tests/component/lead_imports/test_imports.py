"""Files of leads: what becomes of each row, and of the files that cannot be used."""

import base64
import csv
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.campaigns.router import router
from sovereign.campaigns.items import phone_ref
from sovereign.campaigns.lead import new_lead_id
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel import aws
from sovereign.kernel.clock import to_wire
from sovereign.kernel.table import Put, Table
from sovereign.lead_imports import checking, reading
from sovereign.lead_imports.files import ImportKey
from sovereign.lead_imports.importer import MOST_TRIES
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api
from tests.component.campaigns.contacts import contacts, phone
from tests.component.lead_imports.conftest import Imports, tally


def rows(count: int, start: int = 0) -> str:
    return "phone_number\n" + "".join(f"{phone(start + i)}\n" for i in range(count))


def test_file_becomes_leads_with_variables_and_zones(imports: Imports) -> None:
    key = imports.upload(
        "phone_number,name,timezone,note\r\n"
        f'{phone(1)},"Ada ""the first"", Lovelace",Asia/Tokyo,\r\n'
        f'\r\n {phone(2)} ,Bob,,"two\nlines"\r\n'
    )
    assert imports.work(key) == "done"
    first, second = imports.leads()
    assert (first["phone_number"], first["timezone"]) == (phone(1), "Asia/Tokyo")
    assert first["variables"] == {"name": 'Ada "the first", Lovelace'}
    assert (second["phone_number"], second["timezone"]) == (phone(2), None)
    assert second["variables"] == {"name": "Bob", "note": "two\nlines"}
    shown = imports.shown(key)
    assert (shown["status"], shown["total_rows"], shown["processed_rows"]) == ("completed", 2, 2)
    assert tally(shown) == {"imported": 2, "skipped": 0, "duplicate": 0, "invalid": 0}
    assert len(shown["sha256"]) == 64
    assert shown["upload"] is shown["error_file"] is shown["error"] is None
    assert shown["started_at"] <= shown["finished_at"]
    assert imports.objects() == [], "the file holds personal data and is not needed any more"


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffphone_number,name\n{},Ada\n",
        "Phone_Number ; name\r\n{};Ada\r\n;\r\n",
        'name\t"phone_number"\nAda\t{}',
        "\n\n" + "phone_number,name\n{},Ada\n,\n",
    ],
    ids=["mark", "semicolons", "tabs", "blank lines"],
)
def test_what_spreadsheets_write_is_read(imports: Imports, content: str) -> None:
    shown = imports.run(content.format(phone(1)))
    assert shown["error"] is None
    (lead,) = imports.leads()
    assert (lead["phone_number"], lead["variables"], shown["total_rows"]) == (phone(1), {"name": "Ada"}, 1)


def test_rows_left_out_are_named_by_line(imports: Imports, client: TestClient) -> None:
    client.post(f"campaigns/{imports.campaign_id}/leads", json={"phone_number": phone(9)})
    key = imports.upload(
        "phone_number,timezone,name\n"
        f"{phone(1)},,Ada\n"
        "0612345678,,Bob\n"
        f"{phone(2)},CEST,Eve\n"
        f"{phone(3)},,{'x' * 1001}\n"
        f"{phone(1)},,Again\n"
        f"{phone(9)},,Known\n"
        f"{phone(4)},,short,long\n"
        f"{phone(5)},,nul\x00\n"
        f"{phone(6)},,Last\n"
    )
    assert imports.work(key) == "done"
    assert imports.tally(key) == {"imported": 2, "skipped": 0, "duplicate": 2, "invalid": 5}
    assert [tuple(row) for row in csv.reader(imports.errors(key))] == [
        ("line", "problem"),
        ("3", "phone_number: must be a valid phone number in E.164 form, e.g. +31850835037"),
        ("4", "timezone: must be an IANA time zone, e.g. Europe/Amsterdam"),
        ("5", "name: should have at most 1000 characters"),
        ("6", "phone_number: is also on line 2"),
        ("7", "phone_number: is in this campaign already"),
        ("8", "has 4 values where the first line names 3 columns"),
        ("9", "name: holds a NUL character"),
    ]
    assert f"/imports/{ORG}/" in imports.shown(key)["error_file"]["url"]
    assert [lead["phone_number"] for lead in imports.leads()] == [phone(9), phone(1), phone(6)]
    imports.client.get(f"campaigns/{imports.campaign_id}")
    assert imports.campaign().counts.pending == 3


def test_error_file_is_gone_after_thirty_days(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    imports.pass_time(days=-31)
    key = imports.offer()
    imports.upload("phone_number\nx\n", key)
    imports.work(key)
    assert imports.shown(key)["invalid_rows"] == 1
    assert imports.shown(key)["error_file"] is None


def test_numbers_not_to_be_called_become_skipped_leads(imports: Imports, table: Table) -> None:
    DoNotCallStore(table).add(ORG, Listing(phone_number=phone(2)))
    shown = imports.run(rows(3))
    assert tally(shown) == {"imported": 3, "skipped": 1, "duplicate": 0, "invalid": 0}
    assert [(lead["status"], lead["outcome"]) for lead in imports.leads()] == [
        ("pending", None), ("pending", None), ("skipped", "do_not_call"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "empty_file", "empty"),
        ("\ufeff\n \n", "empty_file", "empty"),
        ("phone_number,name\n\n,\n", "no_rows", "no row"),
        (f"{phone(1)},Ada\n", "missing_column", "phone_number"),
        ("phone_number,name,name\n", "invalid_header", "columns 2 and 3"),
        ("phone_number,Phone_number\n", "invalid_header", "columns 1 and 2"),
        ("phone_number,,name\n", "invalid_header", "column 2 has no name"),
        ("phone_number,{{x}}\n", "invalid_header", "column 2"),
        ("phone_number," + ",".join(f"v{i}" for i in range(51)) + "\n", "invalid_header", "50 variables"),
        (f'phone_number,name\n{phone(1)},Ada\n{phone(2)},"Bob\n', "malformed_csv", "line 3"),
        (f'phone_number,name\n{phone(1)},"A"da\n', "malformed_csv", "line 2"),
        (f"phone_number\r{phone(1)}\r", "malformed_csv", "line 1"),
        (f"phone_number,name\n{phone(1)},Zoë\n".encode("latin-1"), "not_utf8", "line 2"),
        (f"phone_number,name\n{phone(1)},Zoë\n".encode("utf-16"), "not_utf8", "UTF-16"),
        (f"phone_number,name\n{phone(1)},{'x' * 300_000}\n", "row_too_long", "line 2"),
        (f"phone_number\n{phone(1)}\n{phone(2)}\n{phone(3)}\n{phone(4)}\n", "too_many_rows", "split"),
    ],
    ids=lambda given: given if isinstance(given, str) and len(given) < 20 else "",
)
def test_file_that_cannot_be_used_says_why_and_adds_nothing(
    imports: Imports, content: str | bytes, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MAX_ROWS", 3)
    shown = imports.run(content)
    assert (shown["status"], shown["error"]["code"]) == ("failed", code)
    assert words in shown["error"]["message"]
    assert "Ada" not in shown["error"]["message"], "what stands in the file is not repeated"
    assert imports.campaign().counts.total == 0
    assert imports.objects() == []


def test_too_large_a_file_is_refused(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign.lead_imports.files.MAX_FILE_BYTES", 20)
    monkeypatch.setattr("sovereign.lead_imports.importer.MAX_FILE_BYTES", 20)
    assert imports.run(rows(3))["error"]["code"] == "file_too_large"
    assert imports.objects() == []


def test_file_of_empty_lines_is_refused_before_it_takes_long(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MAX_LINES", 50)
    assert imports.run(rows(1) + "\n" * 60)["error"]["code"] == "too_many_rows"


def test_records_longer_than_memory_should_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_RECORD_BYTES", 100)
    endless = (b'phone_number\n+1,"a\n' if not i else b'b","c\n' for i in range(10**9))
    with pytest.raises(reading.FileError) as refused:
        list(reading.records_of(endless, ",", reading.Place()))
    assert refused.value.code == "row_too_long"


@pytest.mark.parametrize("piece", [1, 2, 7, 1000])
def test_reading_goes_on_from_any_record(piece: int) -> None:
    content = f'\ufeffphone_number,a\r\n{phone(1)},"x\ny"\n\n{phone(2)},ü\n{phone(3)},'.encode()

    def pieces(offset: int) -> Any:
        return (content[at : at + piece] for at in range(offset, len(content), piece))

    whole = list(reading.records_of(pieces(0), ",", reading.Place()))
    assert [(r.line, r.values) for r in whole] == [
        (1, ["phone_number", "a"]), (2, [phone(1), "x\ny"]), (4, []), (5, [phone(2), "ü"]), (6, [phone(3), ""]),
    ]  # fmt: skip
    assert whole[-1].behind == reading.Place(len(content), 7, 4)
    for place, record in enumerate(whole):
        assert list(reading.records_of(pieces(record.behind.offset), ",", record.behind)) == whole[place + 1 :]


def test_form_takes_this_imports_file_of_the_allowed_size_only(imports: Imports) -> None:
    key = imports.offer()
    shown = imports.shown(key)
    assert (shown["status"], shown["total_rows"], shown["error_file"]) == ("waiting", None, None)
    upload = shown["upload"]
    assert (upload["method"], upload["fields"]["key"]) == ("POST", key.upload)
    assert upload["max_bytes"] == 50 * 1024 * 1024
    assert upload["url"] == f"https://{imports.bucket}.s3.eu-west-1.amazonaws.com/", "others redirect new buckets"
    policy = json.loads(base64.b64decode(upload["fields"]["policy"]))
    assert ["content-length-range", 1, 50 * 1024 * 1024] in policy["conditions"]
    assert {"key": key.upload} in policy["conditions"]


def test_another_tenant_finds_nothing(imports: Imports, api: Api) -> None:
    key, stranger = imports.offer(), api(router, org_id=OTHER_ORG)
    for who, campaign, job in (
        (stranger, imports.campaign_id, key.import_id),
        (imports.client, UNKNOWN_ID, key.import_id),
        (imports.client, imports.campaign_id, UNKNOWN_ID),
        (imports.client, imports.campaign_id, "x"),
        (imports.client, "x", key.import_id),
    ):
        assert who.get(f"campaigns/{campaign}/imports/{job}").status_code == 404
    for who, campaign in ((stranger, imports.campaign_id), (imports.client, UNKNOWN_ID), (imports.client, "x")):
        assert who.post(f"campaigns/{campaign}/imports").status_code == 404


def test_unknown_member_is_refused_and_a_closed_campaign_too(imports: Imports, client: TestClient) -> None:
    place = f"campaigns/{imports.campaign_id}"
    assert client.post(f"{place}/imports", json={"file": "x"}).json()["details"][0].startswith("file: ")
    client.patch(place, json={"status": "cancelled"})
    assert client.post(f"{place}/imports").status_code == 409


def test_key_of_a_replayed_offer_gives_no_second_form(imports: Imports, client: TestClient) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (client.post(f"campaigns/{imports.campaign_id}/imports", headers=headers) for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["import"]["id"] == first.json()["import"]["id"]
    assert first.json()["import"]["upload"]["fields"]["x-amz-signature"]
    assert again.json()["import"]["upload"]["fields"]["x-amz-signature"] is None


def test_routes_stay_within_their_table_requests(imports: Imports, requests_made: list[str]) -> None:
    requests_made.clear()
    key = imports.offer()
    assert requests_made == ["TransactWriteItems"]
    requests_made.clear()
    imports.shown(key)
    assert requests_made == ["BatchGetItem"]


def test_import_whose_file_never_comes_fails_and_is_forgotten(imports: Imports) -> None:
    key = imports.offer()
    assert imports.work(key) == "done"
    assert imports.shown(key)["status"] == "waiting"
    imports.pass_time(minutes=61)
    assert imports.work(key) == "done"
    assert imports.shown(key)["error"]["code"] == "not_uploaded"


def test_import_that_never_gets_on_is_given_up(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    key = imports.upload(rows(3))
    monkeypatch.setattr(imports.importer._store, "begin", lambda *_: 1 / 0)
    for _ in range(MOST_TRIES):
        with pytest.raises(ZeroDivisionError):
            imports.work(key)
        imports.pass_time(hours=1)
    assert imports.work(key) == "done"
    assert imports.shown(key)["error"]["code"] == "internal_error"
    assert imports.objects() == []


def test_duplicates_over_many_pieces_name_the_first_line(imports: Imports) -> None:
    key = imports.upload(rows(120) + f"{phone(3)}\n{phone(119)}\n")
    assert imports.work(key) == "done"
    assert imports.errors(key)[1:] == [
        "122,phone_number: is also on line 5",
        "123,phone_number: is also on line 121",
    ]


def test_claim_of_a_request_that_was_cut_off_is_taken_over(imports: Imports, table: Table) -> None:
    claim = phone_ref(ORG, imports.campaign_id, phone(1))._asdict() | {"lead_id": new_lead_id(900)}
    table.put(Put({**claim, "claimed_at": to_wire(imports.now)}))
    assert tally(imports.run(rows(2))) == {"imported": 1, "skipped": 0, "duplicate": 1, "invalid": 0}
    imports.pass_time(minutes=11)
    assert tally(imports.run("phone_number\n\n" + phone(1)))["imported"] == 1


def test_leads_of_an_import_can_be_removed_and_added_again(imports: Imports, client: TestClient) -> None:
    imports.run(rows(2))
    lead = imports.leads()[0]
    place = f"campaigns/{imports.campaign_id}/leads"
    assert client.delete(f"{place}/{lead['id']}").status_code == 200
    assert client.post(place, json=contacts(1)[0]).status_code == 201
    assert client.post(place, json=contacts(2)[1]).status_code == 409


def test_upload_nobody_offered_is_deleted(imports: Imports, table: Table) -> None:
    key = ImportKey(ORG, imports.campaign_id, UNKNOWN_ID)
    imports.upload(rows(3), key)
    assert imports.work(key) == "done"
    assert imports.objects() == []
    assert aws.client("s3").list_objects_v2(Bucket=imports.bucket)["KeyCount"] == 0
    assert imports.campaign().counts.total == 0
