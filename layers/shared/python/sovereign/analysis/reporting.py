"""The report, whatever became of the analysis."""

from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore


def write_report(calls: CallStore, ref: CallRef, *, failure: str | None = None) -> None:
    """Write the report fact, once. `failure` says why nothing was analysed; findings that exist are kept."""
    if failure is not None and calls.load_whole(ref).summary is None:
        calls.save_after_call(ref, summary="", analysis_error=failure)
    calls.write_report(ref)
