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


class UnfinishedError(RuntimeError):
    """Something could not be ended; the next minute tries again, and the alarm sees this."""


def handler(_event: object, _context: object) -> dict[str, Any]:
    """End what is lost and tell how much that was. Raises UnfinishedError, at the end, when something failed."""
    reaped = _reaper().run()
    if reaped.failed:
        raise UnfinishedError
    return asdict(reaped)


@cache
def _reaper() -> Reaper:
    table = Table(read_environment(ReaperEnvironment).table_name)
    return Reaper(CallStore(table), LiveCalls(table), NodeStore(table), utc_now)
