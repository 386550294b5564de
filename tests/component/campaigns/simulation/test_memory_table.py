"""The table of the simulation answers as moto's does."""

import random
from collections.abc import Callable
from itertools import product
from typing import Any

from sovereign.kernel.table import Attr, ConditionFailed, Delete, Item, Put, Ref, Table, Update, Write, absent, present
from tests.component.campaigns.simulation.memory_table import MemoryTable

CONDITIONS = [
    None,
    absent,
    present,
    Attr("n").eq(2),
    Attr("n").not_exists() | Attr("n").lt(3),
    Attr("s").eq("a") & Attr("n").gt(1),
    Attr("n").between(1, 4) & ~Attr("s").eq("b"),
    Attr("s").ne("a"),
    Attr("n").gte(2) | Attr("s").exists(),
]


def test_random_writes_have_the_same_effect_and_failures(table: Table) -> None:
    memory, chance = MemoryTable(), random.Random(1)
    refs = [Ref("P", f"{'ab'[n % 2]}{n}") for n in range(6)]
    for _ in range(150):
        writes = [_write(chance, ref) for ref in chance.sample(refs, chance.randint(1, 3))]
        assert _told(lambda w=writes: table.transact(w)) == _told(lambda w=writes: memory.transact(w))  # type: ignore[misc]
        assert table.get_many(refs) == memory.get_many(refs)
    ranges: list[dict[str, Any]] = [{}, {"begins_with": "b"}, {"between": ("a2", "b1")}]
    for (index, pk), bounds, descending, limit in product(
        ((None, "P"), ("due", "D0"), ("due", "D1")),
        ranges,
        (False, True),
        (2, None),
    ):
        asked = {**bounds, "index": index, "descending": descending, "limit": limit}
        real, ours = ([(i["pk"], i["sk"]) for i in each.query(pk, **asked)] for each in (table, memory))
        assert real == ours, asked


def _write(chance: random.Random, ref: Ref) -> Write:
    condition = chance.choice(CONDITIONS)
    kind = chance.choice(["put", "update", "update", "delete"])
    if kind == "delete":
        return Delete(ref, condition)
    mark: Item = {"due_shard": f"D{chance.randrange(2)}", "due_at": f"{ref.sk}{chance.randrange(5)}"}
    marked = mark if chance.random() < 0.5 else {}
    if kind == "put":
        return Put({**ref._asdict(), "n": chance.randrange(5), "s": chance.choice("ab"), **marked}, condition)
    gone = ["due_shard", "due_at"] if not marked and chance.random() < 0.5 else []
    return Update(ref, set={"s": chance.choice("ab"), **marked}, add={"n": 1}, remove=gone, condition=condition)


def _told(work: Callable[[], None]) -> tuple[int, Item | None] | None:
    try:
        work()
    except ConditionFailed as failure:
        return failure.index, failure.old
    return None
