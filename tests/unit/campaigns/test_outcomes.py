"""What the end of a call makes of its lead: the outcome, whether and when it is tried again, and what ends that."""

from datetime import UTC, datetime, timedelta

import pytest

from sovereign.calls.model import EndReason
from sovereign.campaigns.model import Retry
from sovereign.campaigns.outcomes import (
    LONGEST_NOT_RUNG_DELAY,
    MOST_UNRUNG,
    NOT_RUNG,
    NOT_RUNG_DELAY,
    CallEnd,
    Step,
    next_step,
    out_of_attempts,
    outcome_of,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ENDS = {
    "busy": CallEnd(EndReason.DIAL_BUSY),
    "no_answer": CallEnd(EndReason.DIAL_NO_ANSWER),
    "failed": CallEnd(EndReason.DIAL_FAILED),
    "voicemail": CallEnd(EndReason.VOICEMAIL, answered=True),
}
DELAYS = {"busy": 2, "no_answer": 3, "failed": 5, "voicemail": 7}


def step(end: CallEnd, retry: Retry, attempts: int = 1, unrung: int = 0, *, over: bool = False) -> Step:
    return next_step(end, attempts=attempts, unrung=unrung, retry=retry, now=NOW, ended_for_good=over)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        *((end, name) for name, end in ENDS.items()),
        (CallEnd(EndReason.CALLER_CANCELLED), "no_answer"),
        (CallEnd(EndReason.DIAL_REJECTED), "failed"),
        (CallEnd(EndReason.OPT_OUT, answered=True), "opt_out"),
        (CallEnd(EndReason.DESTINATION_NOT_ALLOWED), "destination_not_allowed"),
        (CallEnd(EndReason.USER_HANGUP, answered=True), "answered"),
        (CallEnd(EndReason.TRANSFERRED, answered=True), "answered"),
        (CallEnd(EndReason.NODE_LOST, answered=True), "failed"),
        (CallEnd(EndReason.SHUTDOWN), "failed"),
    ],
)
def test_end_of_a_call_gives_the_outcome(end: CallEnd, outcome: str) -> None:
    assert outcome_of(end) == outcome


@pytest.mark.parametrize("outcome", ENDS)
def test_each_rule_is_that_of_its_own_outcome(outcome: str) -> None:
    delays = Retry.model_validate({"max_attempts": 2, **{name: {"delay_minutes": m} for name, m in DELAYS.items()}})
    assert step(ENDS[outcome], delays).due_at == NOW + timedelta(minutes=DELAYS[outcome])
    only_this = Retry.model_validate({"max_attempts": 2, **{name: {"retry": name == outcome} for name in ENDS}})
    retried = {name for name, end in ENDS.items() if step(end, only_this).due_at}
    assert retried == {outcome}


def test_rule_without_a_delay_takes_the_general_one_and_voicemail_is_not_tried_again_unasked() -> None:
    retry = Retry(max_attempts=2, delay_minutes=11)
    later = NOW + timedelta(minutes=11)
    assert {name: step(end, retry).due_at for name, end in ENDS.items()} == {
        "busy": later,
        "no_answer": later,
        "failed": later,
        "voicemail": None,
    }


@pytest.mark.parametrize("most", range(1, 6))
def test_lead_is_over_with_its_last_attempt_and_not_before(most: int) -> None:
    retry = Retry(max_attempts=most)
    statuses = [step(ENDS["busy"], retry, attempts).status for attempts in range(1, most + 2)]
    assert statuses == ["pending"] * (most - 1) + ["failed"] * 2


@pytest.mark.parametrize(
    ("outcome", "attempts", "rules", "over"),
    [
        (None, 0, {"max_attempts": 1}, None),
        ("busy", 1, {"max_attempts": 2}, None),
        ("busy", 1, {"max_attempts": 1}, Step("failed", "busy")),
        ("busy", 1, {"max_attempts": 2, "busy": {"retry": False}}, Step("failed", "busy")),
        ("voicemail", 1, {"max_attempts": 2}, Step("completed", "voicemail")),
        (None, 1, {"max_attempts": 2}, None),
        (None, 1, {"max_attempts": 1}, Step("failed", "failed")),
    ],
)
def test_lead_that_waits_is_over_where_changed_rules_give_it_no_attempt_any_more(
    outcome: str | None, attempts: int, rules: dict[str, object], over: Step | None
) -> None:
    assert out_of_attempts(outcome, attempts=attempts, retry=Retry.model_validate(rules)) == over


def test_cancelled_campaign_tries_nobody_again() -> None:
    assert step(ENDS["busy"], Retry(max_attempts=5), over=True) == Step("failed", "busy")


@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason is not EndReason.DESTINATION_NOT_ALLOWED])
def test_call_that_rang_nobody_gives_its_attempt_back_however_it_ended(reason: EndReason) -> None:
    assert step(CallEnd(reason, unrung=True), Retry()) == Step("pending", None, NOW + NOT_RUNG_DELAY, counted=False)
    assert step(CallEnd(reason), Retry()).counted is (reason not in NOT_RUNG)


def test_destination_that_is_not_allowed_settles_the_lead_although_it_was_not_rung() -> None:
    end = CallEnd(EndReason.DESTINATION_NOT_ALLOWED, unrung=True)
    assert step(end, Retry(max_attempts=5)) == Step("skipped", "destination_not_allowed")


def test_calls_that_ring_nobody_come_ever_later_and_end_as_a_failed_attempt() -> None:
    never = CallEnd(EndReason.NO_CAPACITY)
    delays = [(step(never, Retry(), unrung=before).due_at or NOW) - NOW for before in range(MOST_UNRUNG)]
    assert (delays[0], delays[1], delays[-1]) == (NOT_RUNG_DELAY, 2 * NOT_RUNG_DELAY, LONGEST_NOT_RUNG_DELAY)
    assert delays == sorted(delays)
    assert step(never, Retry(), unrung=MOST_UNRUNG) == Step("failed", "failed")
