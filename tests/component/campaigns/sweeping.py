"""The minute's sweep on an emulated table."""

from sovereign.campaigns.attendance import Attendance
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.table import Table


def sweep(table: Table, clock: Clock = utc_now) -> None:
    """Where no campaign runs."""

    def start(org_id: str, campaign_id: str, generation: int) -> None:
        raise AssertionError("no campaign is to be started")

    Attendance(table, LeadMoves(table), start, clock=clock).sweep()
