"""The same file in two imports of a campaign, the second sent while the first still runs."""

from typing import Any

import pytest

from sovereign.kernel.table import Ref, Update
from sovereign.lead_imports import writing
from sovereign.lead_imports.importer import MOST_TRIES
from sovereign.lead_imports.store import ImportStore
from tests.component.campaigns.contacts import phone
from tests.component.lead_imports.conftest import Imports, tally

FILE = "phone_number\n" + "".join(f"{phone(i)}\n" for i in range(9))
NOTHING = {"imported": 0, "skipped": 0, "duplicate": 0, "invalid": 0}


@pytest.fixture
def first(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An import that has added four of nine rows."""
    monkeypatch.setattr(writing, "LEADS", 4)
    key = imports.upload(FILE)
    assert imports.work(key, pieces=1) == "again"
    return key


def overdue(imports: Imports) -> list[Any]:
    return list(ImportStore(imports.table, clock=lambda: imports.now).overdue())


def test_second_waits_as_long_as_the_first_takes_and_ends_as_it_does(imports: Imports, first: Any) -> None:
    second = imports.upload(FILE)
    for _ in range(MOST_TRIES + 1):
        assert imports.work(second) == "done"
        assert (imports.shown(second)["status"], imports.shown(second)["finished_at"]) == ("checking", None)
        imports.pass_time(seconds=61)
        assert second in overdue(imports)
    assert imports.work(first) == "done"
    assert imports.work(second) == "done"
    shown = imports.shown(second)
    assert (shown["status"], shown["same_as_import_id"]) == ("completed", first.import_id)
    assert tally(shown) == NOTHING
    assert imports.campaign().counts.total == 9
    assert (imports.objects(), overdue(imports)) == ([], [])


def test_second_takes_the_file_on_when_the_first_fails(imports: Imports, first: Any) -> None:
    second = imports.upload(FILE)
    assert imports.work(second) == "done"
    item = Ref(f"ORG#{first.org_id}#CAMPAIGN#{first.campaign_id}", f"IMPORT#{first.import_id}")
    imports.table.update(Update(item, set={"tries": 99}))
    imports.pass_time(seconds=61)
    imports.work(first)
    assert imports.shown(first)["status"] == "failed"
    assert imports.work(second) == "done"
    shown = imports.shown(second)
    assert (shown["status"], shown["same_as_import_id"]) == ("completed", None)
    assert tally(shown) == {"imported": 5, "skipped": 0, "duplicate": 4, "invalid": 0}
    assert imports.campaign().counts.total == 9
