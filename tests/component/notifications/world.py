"""Reported calls, a queue that moves the clock, a scripted Resend: everything a mail touches, without a socket."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sovereign.calls.model import Call, CallOutcome, CallRef, EndReason, Message
from sovereign.calls.store import CallStore
from sovereign.domains import Domain
from sovereign.kernel import aws
from sovereign.kernel.clock import Clock
from sovereign.notifications.mail import Mail
from sovereign.notifications.model import Notification
from sovereign.notifications.notifier import Notifier
from sovereign.notifications.queue import NotificationQueue, due_mail_from
from sovereign.notifications.resend import Answer, Sent
from sovereign.notifications.store import DueMail, NotificationStore, notification_of
from sovereign.provider_keys import ProviderKey
from sovereign.recordings.links import RecordingLinks
from sovereign.webhooks.facts import FactNotice, FactOrder
from tests.component.calls.harness import ORG, START, CountingTable, FakeClock, new_call
from tests.component.webhooks.world import CIPHER, frozen_assistant

DESK, BOSS = "desk@riverside.example", "boss@riverside.example"
KEY = "re_0123456789"


def domain(**changes: Any) -> Domain:
    known: dict[str, Any] = {
        "id": "domain-1",
        "org_id": ORG,
        "domain_name": "mail.riverside.example",
        "resend_domain_id": "resend-1",
        "status": "verified",
        "region": "eu-west-1",
        "records": [],
        "made_here": True,
        "created_at": START,
        "updated_at": START,
        "verified_at": START,
    }
    return Domain(**known | changes)


class Senders:
    """The organization's domain and key, or why it has none; what Resend shows when it is asked again."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.domain = domain()
        self.refreshed = self.domain

    def sender(self, org_id: str) -> tuple[Domain, ProviderKey]:
        if self.trouble:
            raise self.trouble
        return self.domain, ProviderKey(KEY, byok=True)

    def refresh(self, org_id: str) -> Domain:
        return self.refreshed


class ScriptedMailer:
    """Gives the answers it is told to, then takes everything; keeps what it was asked to send."""

    def __init__(self) -> None:
        self.answers: list[Answer | BaseException] = []
        self.asked: list[tuple[Mail, str, str]] = []
        self.during: Callable[[], None] = lambda: None

    def send(self, mail: Mail, *, api_key: str, idempotency_key: str) -> Answer:
        self.asked.append((mail, api_key, idempotency_key))
        self.during()
        answer = self.answers.pop(0) if self.answers else Sent("email-1")
        if isinstance(answer, BaseException):
            raise answer
        return answer


class RecordingQueue(NotificationQueue):
    """Sends for real (moto), and remembers when each message becomes visible by the clock of the test."""

    def __init__(self, url: str, dead_url: str, clock: FakeClock) -> None:
        super().__init__(url, dead_url)
        self.waiting: list[tuple[datetime, DueMail]] = []
        self._clock = clock

    def put(self, mail: DueMail, *, delay: timedelta = timedelta(0)) -> None:
        super().put(mail, delay=delay)
        self.waiting.append((self._clock() + delay, mail))


class World:
    def __init__(self, table: CountingTable, clock: FakeClock) -> None:
        self.table, self.clock = table, clock
        sqs = aws.client("sqs")
        self.queue_url = sqs.create_queue(QueueName="notifications")["QueueUrl"]
        self.dead_url = sqs.create_queue(QueueName="dead")["QueueUrl"]
        self.calls = CallStore(table, clock, cipher=CIPHER)
        self.store = NotificationStore(table, clock)
        self.queue = RecordingQueue(self.queue_url, self.dead_url, clock)
        self.senders, self.mailer = Senders(), ScriptedMailer()
        self.notifier = Notifier(
            calls=self.calls,
            store=self.store,
            senders=self.senders,
            mailer=self.mailer,
            queue=self.queue,
            cipher=CIPHER,
            links=_links,
            clock=clock,
        )

    def reported(self, *said: Message, private: bool = False, **members: Any) -> FactNotice:
        """A call that was held and reported; its assistant notifies the desk unless told otherwise."""
        notified = {"notification_email": DESK} | members
        call = new_call(ringing=True, private=private)
        ref = self.calls.starts.create(call, frozen_assistant=frozen_assistant(call.call_id, **notified)).ref
        self.calls.lifecycle.mark_answered(ref)
        self.calls.content.append_messages(ref, 0, said or [Message("user", "Hello"), Message("assistant", "Good day")])
        self.clock.advance(seconds=75)
        self.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
        self.calls.content.save_after_call(ref, summary="They said hello.", analysis_result={"mood": "good"})
        self.calls.lifecycle.write_report(ref)
        fact = FactOrder(self.table).load(ref, 4)
        assert fact is not None
        return fact

    def call(self, fact: FactNotice) -> Call:
        return self.calls.rows.get(fact.call)

    def record(self, fact: FactNotice) -> Notification:
        found = notification_of(self.call(fact))
        assert found is not None
        return found

    def run_queue(self) -> int:
        """Make what was queued, moving the clock to where each message becomes visible; returns how many."""
        waiting, self.queue.waiting = self.queue.waiting, []
        for visible_at, mail in sorted(waiting, key=lambda entry: entry[0]):
            self.clock.now = max(self.clock.now, visible_at)
            self.notifier.attempt(mail)
        return len(waiting)

    def sweep(self) -> int:
        """Queue what is due, as the minute's sweep does."""
        due = list(self.store.due())
        for mail in due:
            self.queue.put(mail)
            self.store.postpone(mail, self.clock() + timedelta(minutes=10))
        return len(due)

    def dead(self) -> list[tuple[CallRef, str]]:
        answer = aws.client("sqs").receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10)
        bodies = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        return [(mail.call, body["reason"]) for body in bodies if (mail := due_mail_from(body))]


def _links(clock: Clock) -> RecordingLinks:
    return RecordingLinks(clock, secret="s" * 32, api_url="https://api.example.com/api/v1")
