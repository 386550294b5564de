"""What is committed together, and what does not fit."""

from typing import Any

import pytest

from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.table import Put
from sovereign.kernel.unit_of_work import MAX_WRITES, UnitOfWork


class Recording:
    """Takes the transaction in place of the table."""

    def __init__(self) -> None:
        self.writes: list[Any] = []

    def transact(self, writes: list[Any]) -> None:
        self.writes += writes


@pytest.mark.parametrize(("count", "fits"), [(MAX_WRITES, True), (MAX_WRITES + 1, False)])
def test_more_writes_than_a_transaction_takes_are_refused_as_the_clients_mistake(*, count: int, fits: bool) -> None:
    table: Any = Recording()
    unit = UnitOfWork()
    unit.add(*(Put({"pk": "ORG#1", "sk": f"REF#{n}"}) for n in range(count)))
    if fits:
        unit.commit(table)
    else:
        with pytest.raises(InvalidRequestError) as refused:
            unit.commit(table)
        assert refused.value.details == ["body: changes too many references at once; change some of them first"]
    assert len(table.writes) == (count if fits else 0)
