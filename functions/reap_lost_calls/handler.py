"""Started by the scheduler each minute."""

from dataclasses import asdict
from functools import cache
from typing import Any

from functions.reap_lost_calls.reaper import Reaper
from sovereign.calls.live import LiveCalls
from sovereign.calls.store import CallStore
from sovereign.kernel.clock import utc_now
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.nodes.store import NodeStore


class ReaperEnvironment(Environment):
    """TABLE_NAME."""

    table_name: str


def handler(_event: object, _context: object) -> dict[str, Any]:
    """End what is lost and tell how much that was."""
    return asdict(_reaper().run())


@cache
def _reaper() -> Reaper:
    table = Table(read_environment(ReaperEnvironment).table_name)
    return Reaper(CallStore(table), LiveCalls(table), NodeStore(table), utc_now)
