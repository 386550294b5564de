"""The stack's words and codes as leg events and transfer outcomes."""

import pytest

from media.telephony.causes import closed_by_stack, transfer_outcome
from media.telephony.leg import LegClosed, LegClosedBy, TransferOutcome


def test_unanswered_outbound_leg_closes_with_its_code() -> None:
    closed = closed_by_stack("486 Busy Here", outbound=True, established=False)
    assert closed == LegClosed(LegClosedBy.FAILED, 486, "Busy Here")


def test_unreachable_outbound_leg_closes_without_code() -> None:
    closed = closed_by_stack("Connection refused [111]", outbound=True, established=False)
    assert closed == LegClosed(LegClosedBy.FAILED, None, "Connection refused [111]")


@pytest.mark.parametrize("outbound", [True, False])
def test_answered_leg_is_closed_by_the_peer(outbound: bool) -> None:
    closed = closed_by_stack("Connection reset by peer [104]", outbound=outbound, established=True)
    assert closed == LegClosed(LegClosedBy.PEER)


def test_cancelled_inbound_leg_is_closed_by_the_peer() -> None:
    assert closed_by_stack(None, outbound=False, established=False) == LegClosed(LegClosedBy.PEER)


def test_rtp_timeout_is_media_lost() -> None:
    closed = closed_by_stack("rtp stream error", outbound=False, established=True)
    assert closed.by is LegClosedBy.MEDIA_LOST


def test_successful_transfer_is_our_own_ending() -> None:
    assert closed_by_stack("Call transfered", outbound=False, established=True).by is LegClosedBy.US


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, TransferOutcome.BUSY),
        (600, TransferOutcome.BUSY),
        (408, TransferOutcome.NO_ANSWER),
        (480, TransferOutcome.NO_ANSWER),
        (603, TransferOutcome.REFUSED),
        (405, TransferOutcome.UNSUPPORTED),
        (501, TransferOutcome.UNSUPPORTED),
        (404, TransferOutcome.FAILED),
        (None, TransferOutcome.FAILED),
    ],
)
def test_transfer_outcome_follows_the_status(status: int | None, outcome: TransferOutcome) -> None:
    assert transfer_outcome(status, leg_closed=False, seconds=5.0) is outcome


@pytest.mark.parametrize("status", [403, 603])
def test_peer_that_declines_at_once_does_no_transfers(status: int) -> None:
    assert transfer_outcome(status, leg_closed=False, seconds=0.1) is TransferOutcome.UNSUPPORTED


def test_transfer_without_status_on_a_leg_the_peer_ended_is_unconfirmed() -> None:
    assert transfer_outcome(None, leg_closed=True, seconds=1.0) is TransferOutcome.UNCONFIRMED
