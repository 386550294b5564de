"""The one way to an organization's calls."""

from sovereign.calls.erasure import CallErasure
from sovereign.calls.load import OutboundLoad
from sovereign.calls.paging import CallFilters, CallPage

__all__ = ["CallFilters", "CallPage", "CallStore", "OutboundLoad"]


class CallStore(CallErasure):
    """Calls in the table: `CallStore(table, clock, cipher=...)`.

    Starting (`start.py`): create. Living and ending (`lifecycle.py`): claim_dial, set_assistant, mark_ringing,
    mark_answered, finish, write_report, overdue_reports. Content (`content.py`): append_messages, save_after_call,
    load_whole, load_frozen_assistant, erase_private. Reading (`paging.py`): find, get, page, get_row.
    Retention (`erasure.py`): refs_made_before, erase_content, erase_metadata.
    """
