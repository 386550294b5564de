"""The report, whatever became of the analysis."""

from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore


def write_report(calls: CallStore, ref: CallRef, *, failure: str | None = None) -> None:
    """Write the report fact, once. `failure` says why nothing was analysed; findings that exist are kept."""
    if failure is not None and calls.content.load_whole(ref).summary is None:
        calls.content.save_after_call(ref, summary="", analysis_error=failure)
    calls.lifecycle.write_report(ref)
