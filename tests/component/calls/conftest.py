from collections.abc import Iterator

import pytest

from sovereign.calls.store import CallStore
from tests.component.calls.harness import CountingTable, FakeClock, ReversibleCipher, moto_table


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingTable]:
    with moto_table(monkeypatch) as made:
        yield made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def calls(table: CountingTable, clock: FakeClock) -> CallStore:
    return CallStore(table, clock, cipher=ReversibleCipher())
