"""What the SIP stack's words and codes mean: why a leg closed, how a transfer ended. Pure."""

from collections.abc import Mapping

from media.telephony.leg import LegClosed, LegClosedBy, TransferOutcome

__all__ = ["closed_by_stack", "transfer_outcome"]

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
    405: TransferOutcome.REFUSED,
    501: TransferOutcome.REFUSED,
    603: TransferOutcome.REFUSED,
    607: TransferOutcome.REFUSED,
    608: TransferOutcome.REFUSED,
}


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


def transfer_outcome(status: int | None, *, leg_closed: bool) -> TransferOutcome:
    """The outcome of a transfer that did not succeed: by the SIP status where one came, else by the leg.

    A peer that ends the leg after our REFER without saying how the new call went has very likely followed it.
    """
    if status is not None:
        return _TRANSFER_OUTCOMES.get(status, TransferOutcome.FAILED)
    return TransferOutcome.UNCONFIRMED if leg_closed else TransferOutcome.FAILED


def _split(text: str) -> tuple[int | None, str]:
    """`486 Busy Here` -> (486, `Busy Here`); a transport error's text has no code."""
    head, _, tail = text.partition(" ")
    return (int(head), tail) if len(head) == 3 and head.isascii() and head.isdigit() else (None, text)
