"""The one way to an organization's calls."""

from sovereign.calls.content import CallContent
from sovereign.calls.erasure import CallErasure
from sovereign.calls.lifecycle import CallLifecycle
from sovereign.calls.load import OutboundLoad
from sovereign.calls.private import ContentCipher, PrivateContent
from sovereign.calls.reading import CallFilters, CallPage, CallReading
from sovereign.calls.rows import CallRows
from sovereign.calls.starts import CallStarts
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.table import Table

__all__ = ["CallFilters", "CallPage", "CallStore", "OutboundLoad"]


class CallStore:
    """The calls of a stage, one part for each thing that is done with them: `calls.lifecycle.finish(...)`.

    Moments come from `clock`; `cipher`, by default the process's own, serves gdpr_mode.
    """

    def __init__(self, table: Table, clock: Clock = utc_now, *, cipher: ContentCipher | None = None) -> None:
        self.rows = CallRows(table, clock)
        self.private = PrivateContent(table, clock, cipher=cipher)
        self.starts = CallStarts(table, clock, self.rows, self.private)
        self.lifecycle = CallLifecycle(table, clock, self.rows, self.private)
        self.content = CallContent(table, self.rows, self.private)
        self.reading = CallReading(table, self.rows, self.content)
        self.erasure = CallErasure(table, self.rows, self.private)
