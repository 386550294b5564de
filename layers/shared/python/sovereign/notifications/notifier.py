"""Sends the mail about a call: one per call, its attempts claimed, recorded and scheduled."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from sovereign.assistants import EffectiveAssistant
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore
from sovereign.domains import (
    Domain,
    DomainNotFoundError,
    DomainNotVerifiedError,
    NoResendKeyError,
    ResendRefusedError,
)
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import DomainError, InvalidRequestError, UnavailableError
from sovereign.kernel.observe import logger
from sovereign.notifications.mail import Mail, mail_of, recipients_of, sender_of
from sovereign.notifications.model import Notification, NotificationReason, NotificationStatus
from sovereign.notifications.queue import NotificationQueue
from sovereign.notifications.report import report_of
from sovereign.notifications.resend import Answer, Refused, Sent, TryAgain
from sovereign.notifications.store import SAFETY_MARGIN, DueMail, NotificationStore, notification_of
from sovereign.provider_keys import ProviderKey
from sovereign.recordings.links import RecordingLinks
from sovereign.webhooks.facts import FactNotice
from sovereign.webhooks.schedule import LONGEST_QUEUE_DELAY, next_attempt_at
from sovereign.webhooks.subscriptions import thawed

LONGEST_RETRYING = timedelta(hours=23)
"""After the first attempt: Resend remembers an idempotency key for 24 hours, and later a repetition could be a second
mail."""

_log = logger()


class Senders(Protocol):
    """Which domain an organization's mail is sent from (`DomainService`)."""

    def sender(self, org_id: str) -> tuple[Domain, ProviderKey]:
        """The domain and the key, as things are now."""

    def refresh(self, org_id: str) -> Domain:
        """The domain as Resend shows it now."""


class Mailer(Protocol):
    """What carries mails (`ResendMailer`)."""

    def send(self, mail: Mail, *, api_key: str, idempotency_key: str) -> Answer:
        """One request; never raises for what the other side does."""


class NotSetUpError(Exception):
    """The organization cannot send mail as things are."""

    def __init__(self, reason: NotificationReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Notifier:
    """Sends; safe under duplicate and concurrent messages."""

    def __init__(
        self,
        *,
        calls: CallStore,
        store: NotificationStore,
        senders: Senders,
        mailer: Mailer,
        queue: NotificationQueue,
        cipher: Cipher,
        links: Callable[[Clock], RecordingLinks] = RecordingLinks,
        clock: Clock = utc_now,
    ) -> None:
        self._calls = calls
        self._store = store
        self._senders = senders
        self._mailer = mailer
        self._queue = queue
        self._cipher = cipher
        self._links = links
        self._clock = clock

    def notify(self, fact: FactNotice) -> None:
        """Begin the mail about a reported call, unless nobody is to get one or it was begun already."""
        call = self._calls.rows.get(fact.call)
        found = notification_of(call)
        if found is None:
            if not self._recipients(fact.call):
                return
            self._store.begin(call, fact.occurred_at)
        elif found.attempts:
            return
        self.attempt(DueMail(fact.call, 0))

    def attempt(self, mail: DueMail) -> None:
        """Make an attempt, unless it is made, or being made, by somebody else."""
        claimed = self._store.claim(mail.call, mail.attempts)
        if claimed is None:
            return
        try:
            answer = self._send(mail.call, claimed)
        except NotSetUpError as missing:
            self._end(mail.call, claimed, NotificationStatus.NOT_SENT, missing.reason)
            return
        except Exception:  # noqa: BLE001 - whatever it is, the schedule goes on and ends
            _log.exception("notification_not_made", call_id=mail.call.call_id)
            answer = TryAgain(NotificationReason.INTERNAL_ERROR)
        self._record(mail.call, claimed, answer)

    def _send(self, ref: CallRef, claimed: Notification) -> Answer:
        try:
            domain, key = self._sender(ref.org_id)
        except UnavailableError as busy:
            return TryAgain(NotificationReason.RESEND_UNAVAILABLE, timedelta(seconds=busy.retry_after or 0))
        mail = self._mail(ref, claimed.reported_at, domain)
        answer = self._mailer.send(mail, api_key=key.value, idempotency_key=f"call-report/{ref.call_id}")
        if isinstance(answer, Refused) and answer.status == 403 and not self._may_send(ref.org_id):
            raise NotSetUpError(NotificationReason.DOMAIN_NOT_VERIFIED)
        return answer

    def _may_send(self, org_id: str) -> bool:
        """Whether the domain is still verified at Resend, which does not tell when it ceases to be."""
        try:
            return self._senders.refresh(org_id).can_send
        except DomainError:
            return True  # the refusal stands for itself

    def _sender(self, org_id: str) -> tuple[Domain, ProviderKey]:
        try:
            return self._senders.sender(org_id)
        except NoResendKeyError:
            raise NotSetUpError(NotificationReason.NO_RESEND_KEY) from None
        except DomainNotFoundError:
            raise NotSetUpError(NotificationReason.NO_DOMAIN) from None
        except DomainNotVerifiedError:
            raise NotSetUpError(NotificationReason.DOMAIN_NOT_VERIFIED) from None
        except ResendRefusedError:
            raise NotSetUpError(NotificationReason.KEY_REFUSED) from None
        except InvalidRequestError:
            raise NotSetUpError(NotificationReason.DOMAIN_MISSING_AT_RESEND) from None

    def _mail(self, ref: CallRef, reported_at: datetime, domain: Domain) -> Mail:
        # a private call's content is not even read: what is mailed lies in mailboxes for ever
        call = self._calls.rows.get(ref)
        call = call if call.private else self._calls.content.load_whole(ref)
        # counted from the report and not from now, so that each attempt sends the same bytes
        recording = self._links(lambda: reported_at).url(call)
        sender = sender_of(domain.domain_name, call.business_name or call.agent_name)
        return mail_of(report_of(call, recording), sender=sender, recipients=self._recipients(ref))

    def _recipients(self, ref: CallRef) -> list[str]:
        assistant = self._assistant(ref)
        return recipients_of(assistant.settings) if assistant else []

    def _assistant(self, ref: CallRef) -> EffectiveAssistant | None:
        try:
            frozen = self._calls.content.load_frozen_assistant(ref)
        except CallNotFoundError:  # refused before it had one: nothing was frozen
            return None
        return thawed(frozen, self._cipher, ref)

    def _record(self, ref: CallRef, claimed: Notification, answer: Answer) -> None:
        match answer:
            case Sent():
                self._end(ref, claimed, NotificationStatus.SENT, email_id=answer.email_id)
            case Refused():
                self._end(ref, claimed, NotificationStatus.FAILED, answer.reason)
            case TryAgain():
                self._try_again(ref, claimed, answer)

    def _try_again(self, ref: CallRef, claimed: Notification, answer: TryAgain) -> None:
        now, attempts = self._clock(), claimed.attempts + 1
        at = next_attempt_at(ref.call_id, failures=attempts, now=now, retry_after=answer.retry_after)
        if at is None or at > (claimed.first_attempt_at or now) + LONGEST_RETRYING:
            self._end(ref, claimed, NotificationStatus.FAILED, answer.reason)
            self._queue.put_dead(DueMail(ref, attempts), answer.reason.value)
            return
        queued = at - now <= LONGEST_QUEUE_DELAY
        self._store.retry_at(ref, claimed, answer.reason, at, due_at=at + SAFETY_MARGIN if queued else at)
        if queued:
            self._queue.put(DueMail(ref, attempts), delay=at - now)

    def _end(
        self,
        ref: CallRef,
        claimed: Notification,
        status: NotificationStatus,
        reason: NotificationReason | None = None,
        *,
        email_id: str | None = None,
    ) -> None:
        if self._store.finish(ref, claimed, status, reason, email_id=email_id) and reason:
            _log.warning(
                "notification_ended", org_id=ref.org_id, call_id=ref.call_id, status=status.value, reason=reason.value
            )
