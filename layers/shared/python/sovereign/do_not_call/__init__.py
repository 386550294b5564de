"""Numbers an organization must not call."""

from sovereign.do_not_call.model import DoNotCallEntry, Listing
from sovereign.do_not_call.store import DoNotCallStore, entry_ref

__all__ = ["DoNotCallEntry", "DoNotCallStore", "Listing", "entry_ref"]
