from collections.abc import Iterator

import pytest

from tests.component.calls.harness import CountingTable, FakeClock, moto_table
from tests.component.webhooks.world import World


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingTable]:
    with moto_table(monkeypatch) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(table: CountingTable, clock: FakeClock) -> World:
    made = World(table, clock)
    made.queue.clock = clock
    return made
