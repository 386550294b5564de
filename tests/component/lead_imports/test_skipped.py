"""Leads of a file that are not to be called."""

from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.table import Table
from tests.component.assistants.fixtures import ORG
from tests.component.campaigns.contacts import phone
from tests.component.campaigns.told import told
from tests.component.lead_imports.conftest import Imports


def test_leads_skipped_by_an_import_are_told_however_many_they_are(imports: Imports, table: Table) -> None:
    listed = [phone(i) for i in range(60)]
    for number in listed:
        DoNotCallStore(table).add(ORG, Listing(phone_number=number))
    key = imports.upload("\n".join(["phone_number", *map(phone, range(120)), "x", phone(3)]))
    assert imports.work(key) == "done"
    assert imports.tally(key) == {"imported": 120, "skipped": 60, "duplicate": 1, "invalid": 1}
    assert [lead["phone_number"] for lead in imports.leads()] == [phone(i) for i in range(120)]
    assert imports.errors(key)[1].startswith("122,")
    assert imports.errors(key)[2:] == ["123,phone_number: is also on line 5"]
    facts = told(table, imports.campaign_id)
    skipped = [lead for lead in imports.leads() if lead["status"] == "skipped"]
    assert sorted(fact["lead_id"] for fact in facts) == sorted(lead["id"] for lead in skipped)
    assert {(fact["status"], fact["outcome"]) for fact in facts} == {("skipped", "do_not_call")}
