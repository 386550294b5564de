"""What the SIP stack's words and codes mean: why a leg closed, how a transfer ended. Pure."""

from collections.abc import Mapping

from media.telephony.leg import LegClosed, LegClosedBy, TransferOutcome

__all__ = ["closed_by_stack", "outcome_of_status", "transfer_outcome"]

_MEDIA_LOST = "rtp stream error"
"""The stack's close text when `rtp_timeout` ran out."""
_TRANSFERRED = "Call transfered"
"""Its close text (and spelling) when the peer reported that our REFER succeeded."""

_TRANSFER_OUTCOMES: Mapping[int, TransferOutcome] = {
    486: TransferOutcome.BUSY,
    600: TransferOutcome.BUSY,
    408: TransferOutcome.NO_ANSWER,
    480: TransferOutcome.NO_ANSWER,
    487: TransferOutcome.NO_ANSWER,
    403: TransferOutcome.REFUSED,
    603: TransferOutcome.REFUSED,
    607: TransferOutcome.REFUSED,
    608: TransferOutcome.REFUSED,
}
_NO_TRANSFERS_HERE = frozenset({400, 405, 406, 415, 420, 488, 489, 500, 501, 503})
"""What peers answer to a REFER they cannot make anything of; as the result of a call to somebody they mean a failure
that calling by another way may well get round."""
_DECLINED = frozenset({403, 603})
_AT_ONCE_SECONDS = 2.0
"""The stack does not tell the answer to our REFER from the report of the call it led to. Declined within this time, it
was the peer that declined, and nobody's phone has rung."""


def closed_by_stack(text: str | None, *, outbound: bool, established: bool) -> LegClosed:
    """The event for a call the stack reported closed, unasked, with `text`, e.g. `486 Busy Here`."""
    if text == _TRANSFERRED:
        return LegClosed(LegClosedBy.US, detail="transferred")
    if text == _MEDIA_LOST:
        return LegClosed(LegClosedBy.MEDIA_LOST)
    if outbound and not established:
        code, reason = _split(text or "")
        return LegClosed(LegClosedBy.FAILED, code, reason or None)
    return LegClosed(LegClosedBy.PEER)


def outcome_of_status(status: int | None) -> TransferOutcome:
    """What a call to the destination came to that ended with this SIP status, None when none came."""
    return _TRANSFER_OUTCOMES.get(status or 0, TransferOutcome.FAILED)


def transfer_outcome(status: int | None, *, leg_closed: bool, seconds: float) -> TransferOutcome:
    """The outcome of a REFER that did not succeed, `seconds` after it: by the SIP status if one came, else by the leg.

    A peer that ends the leg after our REFER without saying how the new call went has very likely followed it.
    """
    if status is not None:
        at_once = seconds < _AT_ONCE_SECONDS
        if status in _NO_TRANSFERS_HERE or (status in _DECLINED and at_once):
            return TransferOutcome.UNSUPPORTED
        return outcome_of_status(status)
    return TransferOutcome.UNCONFIRMED if leg_closed else TransferOutcome.FAILED


def _split(text: str) -> tuple[int | None, str]:
    """`486 Busy Here` -> (486, `Busy Here`); a transport error's text has no code."""
    head, _, tail = text.partition(" ")
    return (int(head), tail) if len(head) == 3 and head.isascii() and head.isdigit() else (None, text)
