"""A file of a hundred thousand leads: our own time for it, its table requests, and how its writes are spread.

The real importer on a table and a file in memory: the time is what the function itself needs, without the table's.
"""

import time
from collections.abc import Callable
from typing import Any, Final

from bench.campaign_size import CLOSED_ZONE, OPEN_ZONE
from bench.table import Row
from sovereign.lead_imports.files import ImportKey
from sovereign.lead_imports.importer import Importer
from sovereign.lead_imports.store import ImportStore
from tests.component.calls.harness import ORG
from tests.component.campaigns.simulation.world import World
from tests.component.lead_imports.memory_file import FileInMemory

ROWS: Final = 100_000
_ZONES: Final = [OPEN_ZONE] * 4 + [CLOSED_ZONE]


def measure(tell: Callable[[str], None], world: World, rows: int = ROWS) -> list[Row]:
    """The rows of an import into the world's campaign."""
    job = ImportStore(world.table, clock=world.clock).create(ORG, world.campaign_id)
    before, requests = world.campaign().counts.total, world.table.requests
    importer = Importer(world.table, FileInMemory(_file(rows)), clock=world.clock, sleep=lambda _: None)
    began = time.process_time()
    assert importer.run(ImportKey.of(job), time_is_left=lambda: True) == "done"
    seconds = time.process_time() - began
    requests = world.table.requests - requests
    assert world.campaign().counts.total - before == rows
    share = _fullest(world.table.items, world.campaign_id)
    tell(
        f"  {rows} leads imported: {seconds:.0f} s of our own, {requests} table requests, "
        f"fullest partition {share:.1f}%"
    )
    return [
        Row("import_100k_own_s", seconds * ROWS / rows, note=f"{rows} leads, without the table's time"),
        Row("import_requests_per_lead", requests / rows, note="46 leads a transaction, one read before it"),
        Row(
            "import_fullest_partition_pct", share, note="of the items written; one partition takes 1,000 units a second"
        ),
    ]


def _file(rows: int) -> bytes:
    lines = (
        f'+316{20_000_000 + place},Name {place},"Street {place}, Town",{_ZONES[place % len(_ZONES)]}'
        for place in range(rows)
    )
    return "\r\n".join(["phone_number,name,address,timezone", *lines, ""]).encode()


def _fullest(items: Any, campaign_id: str) -> float:
    sizes = [len(rows) for partition, rows in items.items() if f"#{campaign_id}#" in partition]
    return 100 * max(sizes) / sum(sizes)
