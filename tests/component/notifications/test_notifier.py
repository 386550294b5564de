"""One mail per call, whatever is repeated, lost or refused."""

import io
import logging
from datetime import timedelta

import pytest

from sovereign.calls.model import Message
from sovereign.domains import DomainNotFoundError, DomainNotVerifiedError, NoResendKeyError, ResendRefusedError
from sovereign.kernel.clock import from_wire
from sovereign.kernel.errors import InvalidRequestError, UnavailableError
from sovereign.kernel.observe import GuardedFormatter, logger
from sovereign.notifications import NotificationReason, NotificationStatus, notification_view
from sovereign.notifications.notifier import LONGEST_RETRYING
from sovereign.notifications.resend import Refused, TryAgain
from sovereign.notifications.store import DueMail
from tests.component.calls.harness import CALLER, OWN
from tests.component.notifications.world import BOSS, DESK, KEY, World, domain

BUSY = TryAgain(NotificationReason.RESEND_UNAVAILABLE)


def test_report_is_mailed_once_to_every_address(world: World) -> None:
    fact = world.reported(notification_emails=[BOSS, DESK.upper()])
    world.notifier.notify(fact)
    world.notifier.notify(fact)
    [(mail, key, once)] = world.mailer.asked
    assert (list(mail.recipients), key, once) == ([DESK, BOSS], KEY, f"call-report/{fact.call.call_id}")
    assert mail.sender == "Riverside <notifications@mail.riverside.example>"
    assert "They said hello." in mail.text
    record = world.record(fact)
    assert (record.status, record.attempts, record.email_id, record.reason) == ("sent", 1, "email-1", None)
    assert record.sent_at == world.clock()
    assert list(world.store.due()) == []


def test_what_responses_show_is_only_what_became_of_it(world: World) -> None:
    fact = world.reported()
    world.notifier.notify(fact)
    shown = notification_view(world.call(fact).notification)
    assert shown is not None
    assert from_wire(shown.pop("sent_at")) == world.clock()
    assert shown == {"status": "sent", "reason": None, "attempts": 1, "next_attempt_at": None, "email_id": "email-1"}
    assert notification_view(None) is None


@pytest.mark.parametrize(
    "members", [{"notification_email": None}, {"notification_email": None, "notification_emails": []}]
)
def test_without_an_address_nothing_is_begun(world: World, members: dict[str, object]) -> None:
    fact = world.reported(**members)
    world.notifier.notify(fact)
    assert (world.mailer.asked, world.call(fact).notification) == ([], None)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (NoResendKeyError(), "no_resend_key"),
        (DomainNotFoundError(), "no_domain"),
        (DomainNotVerifiedError(), "domain_not_verified"),
        (InvalidRequestError("gone", code="domain_missing_at_resend"), "domain_missing_at_resend"),
        (ResendRefusedError("Resend refuses the key."), "key_refused"),
    ],
)
def test_what_is_not_set_up_is_said_and_not_tried_again(world: World, trouble: Exception, reason: str) -> None:
    fact = world.reported()
    world.senders.trouble = trouble
    world.notifier.notify(fact)
    record = world.record(fact)
    assert (record.status, record.reason, record.attempts) == ("not_sent", reason, 1)
    assert (world.mailer.asked, world.queue.waiting, world.dead()) == ([], [], [])
    world.senders.trouble = None
    world.clock.advance(days=1)
    world.notifier.notify(fact)
    assert (world.sweep(), world.mailer.asked) == (0, [])


def test_domain_that_is_no_longer_verified_is_found_out_when_resend_refuses_it(world: World) -> None:
    fact = world.reported()
    world.mailer.answers = [Refused(NotificationReason.REFUSED_BY_RESEND, 403)]
    world.senders.refreshed = domain(status="failed")
    world.notifier.notify(fact)
    assert (world.record(fact).status, world.record(fact).reason) == ("not_sent", "domain_not_verified")


@pytest.mark.parametrize("status", [400, 403, 422])
def test_refusal_is_recorded_with_its_reason_and_final(world: World, status: int) -> None:
    fact = world.reported()
    world.mailer.answers = [Refused(NotificationReason.REFUSED_BY_RESEND, status)]
    world.notifier.notify(fact)
    assert (world.record(fact).status, world.record(fact).reason) == ("failed", "refused_by_resend")
    assert (world.queue.waiting, world.dead()) == ([], [])


def test_busy_resend_is_asked_again_with_the_same_bytes(world: World) -> None:
    fact = world.reported()
    world.calls.content.mark_recorded(fact.call)
    world.senders.trouble = UnavailableError("busy", retry_after=5)
    world.notifier.notify(fact)
    world.senders.trouble = None
    world.mailer.answers = [BUSY, RuntimeError("a bug")]
    while world.run_queue():
        assert world.record(fact).status != "failed"
    assert world.record(fact).next_attempt_at is not None
    world.clock.advance(hours=1)
    assert world.sweep() == 1
    world.run_queue()
    assert (world.record(fact).status, world.record(fact).attempts) == ("sent", 4)
    assert len(world.mailer.asked) == 3
    assert len({(mail.html, mail.text, mail.subject, once) for mail, _, once in world.mailer.asked}) == 1
    assert "https://api.example.com/api/v1/calls/" in world.mailer.asked[0][0].text


def test_retries_end_while_resend_still_remembers_the_key(world: World) -> None:
    fact = world.reported()
    world.mailer.answers = [BUSY] * 50
    world.notifier.notify(fact)
    began = world.record(fact).first_attempt_at
    while (record := world.record(fact)).status == "pending":
        if not world.run_queue():
            assert record.next_attempt_at is not None
            world.clock.now = record.next_attempt_at
            assert world.sweep() == 1
    record = world.record(fact)
    assert began is not None
    assert (record.status, record.reason, record.attempts) == ("failed", "resend_unavailable", 7)
    assert timedelta(hours=17) < world.clock() - began < LONGEST_RETRYING
    assert world.dead() == [(fact.call, "resend_unavailable")]


def test_wait_that_resend_asks_for_is_kept_but_not_beyond_the_day(world: World) -> None:
    fact, other = world.reported(), world.reported()
    world.mailer.answers = [
        TryAgain(NotificationReason.RATE_LIMITED, timedelta(minutes=10)),
        TryAgain(NotificationReason.QUOTA_EXCEEDED, timedelta(hours=24)),
    ]
    world.notifier.notify(fact)
    world.notifier.notify(other)
    assert [at - world.clock() for at, _ in world.queue.waiting] == [timedelta(minutes=10)]
    assert (world.record(other).status, world.record(other).reason) == ("failed", "quota_exceeded")
    world.run_queue()
    assert world.record(fact).status == "sent"


def test_attempt_under_way_is_not_made_twice(world: World) -> None:
    fact = world.reported()
    world.mailer.during = lambda: world.notifier.notify(fact)
    world.notifier.notify(fact)
    assert len(world.mailer.asked) == 1
    world.notifier.attempt(DueMail(fact.call, 0))
    world.notifier.attempt(DueMail(fact.call, 1))
    assert len(world.mailer.asked) == 1


def test_attempt_that_died_is_repeated_under_the_same_key(world: World) -> None:
    fact = world.reported()
    world.mailer.answers = [KeyboardInterrupt()]  # as a killed process: nothing is recorded
    with pytest.raises(KeyboardInterrupt):
        world.notifier.notify(fact)
    world.clock.advance(seconds=30)
    world.notifier.notify(fact)
    assert (len(world.mailer.asked), world.sweep()) == (1, 0)
    world.clock.advance(minutes=3)
    assert (world.sweep(), world.sweep()) == (1, 0)
    world.run_queue()
    assert world.record(fact).status == NotificationStatus.SENT
    (first, _, once), (second, _, again) = world.mailer.asked
    assert (first, once) == (second, again)


def test_private_call_is_mailed_without_what_was_said_and_by_whom(world: World) -> None:
    fact = world.reported(Message("user", "my secret illness"), private=True, gdpr_mode=True)
    world.notifier.notify(fact)
    [(mail, _, _)] = world.mailer.asked
    whole = mail.subject + mail.text + mail.html
    for secret in ("illness", "They said hello.", "good", CALLER, OWN):
        assert secret not in whole
    assert "1:15" in mail.text
    assert "gdpr_mode" in mail.text


def test_content_that_was_erased_meanwhile_is_missing_and_no_failure(world: World) -> None:
    fact = world.reported()
    world.calls.erasure.erase_content(fact.call)
    world.notifier.notify(fact)
    assert "They said hello." not in world.mailer.asked[0][0].text
    assert world.record(fact).status == "sent"


def test_nothing_personal_is_logged_or_kept(world: World) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(GuardedFormatter())
    logger().addHandler(handler)
    fact = world.reported()
    world.mailer.answers = [RuntimeError(f"cannot mail to {DESK}"), Refused(NotificationReason.REFUSED_BY_RESEND, 422)]
    world.notifier.notify(fact)
    world.run_queue()
    logger().removeHandler(handler)
    logged = stream.getvalue()
    assert "notification_not_made" in logged
    assert "refused_by_resend" in logged
    for secret in (DESK, "They said hello.", CALLER, KEY):
        assert secret not in logged
        assert secret not in str(world.call(fact).notification)
