from collections.abc import Iterator

import pytest

from tests.component.calls.harness import CountingTable, FakeClock, moto_table
from tests.component.notifications.world import World


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingTable]:
    with moto_table(monkeypatch) as made:
        yield made


@pytest.fixture
def world(table: CountingTable) -> World:
    return World(table, FakeClock())
