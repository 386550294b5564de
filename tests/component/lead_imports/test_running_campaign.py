"""Imports into campaigns that run, with everything going wrong around them: the world of the campaigns' simulation."""

from collections import Counter

import pytest

from sovereign.lead_imports import writing
from sovereign.lead_imports.files import ImportKey
from sovereign.lead_imports.importer import Importer
from sovereign.lead_imports.model import LeadImport
from sovereign.lead_imports.store import HELD, ImportStore
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World
from tests.component.lead_imports.memory_file import FileInMemory

ROWS = 24
ALREADY_IN = "+31610000000"
"""The number of a simulated campaign's first lead."""


def content() -> bytes:
    numbers = [f"+3162{place:07d}" for place in range(ROWS - 2)]
    lines = [f"{number},it,Sam" for number in (ALREADY_IN, *numbers, "none")]
    return "\n".join(["phone_number,what,name", *lines]).encode()


class Importing:
    """Uploads once, then works: piece by piece, until it is over; what was killed is found by the sweep."""

    def __init__(self, world: World) -> None:
        self.world, self.files = world, FileInMemory(content())
        self.store = ImportStore(world.table, clock=world.clock)
        self.importer = Importer(world.table, self.files, clock=world.clock, sleep=world.sleep)
        self.key = ImportKey.of(self.store.create(ORG, world.campaign_id))
        world._in(world.chance.uniform(0, 60), self.work)

    def job(self) -> LeadImport:
        return self.store.get(ORG, self.key.campaign_id, self.key.import_id)

    def work(self) -> None:
        outcome = self.world._survived(lambda: self.importer.run(self.key, time_is_left=lambda: False))
        if outcome == "again":
            self.world._in(self.world.chance.uniform(0, 30), self.work)
        elif not self.job().is_finished:
            self.world._in(HELD.total_seconds() + 60, self.work)
        for _ in range(self.world.chance.randrange(2)):  # a message that comes twice
            self.world._survived(lambda: self.importer.run(self.key, time_is_left=lambda: False))

    def finish(self) -> LeadImport:
        """What the sweep does in the end."""
        while not self.job().is_finished:
            self.world.now += HELD
            self.importer.run(self.key, time_is_left=lambda: True)
        return self.job()


@pytest.mark.parametrize("seed", range(5))
def test_every_row_becomes_one_lead_that_is_called_once_an_attempt(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_PROVIDERS", "local")
    monkeypatch.setattr(writing, "LEADS", 3)
    world = World(seed)
    importing = Importing(world)
    before = world.campaign().counts.total
    campaign = world.run()
    job = importing.finish()
    world.check_counts()
    rang = Counter((ring.number, ring.attempt) for ring in world.rings)
    assert all(times == 1 for times in rang.values())
    assert campaign.counts.pending == campaign.counts.calling == 0
    if job.status == "failed":
        assert job.error is not None
        assert job.error[0] == "campaign_closed"
        assert campaign.status in ("cancelled", "completed")
        return
    assert job.tally.processed == ROWS
    assert job.tally.invalid == 1
    assert job.tally.imported + job.tally.duplicate == ROWS - 1
    assert job.tally.imported >= ROWS - 2
    assert len(importing.files.errors.decode().splitlines()) == 1 + job.left_out
    assert before + job.tally.imported >= ROWS - 2


def test_campaign_ends_after_its_import_and_calls_what_it_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_PROVIDERS", "local")
    monkeypatch.setattr(writing, "LEADS", 3)
    world = World(9, calm=True, leads=2)
    importing = Importing(world)
    campaign = world.run()
    assert importing.job().status == "completed"
    assert campaign.status == "completed"
    assert campaign.counts.total == 2 + importing.job().tally.imported
    assert {ring.number for ring in world.rings} >= {f"+3162{place:07d}" for place in range(ROWS - 2)}
