"""Mails over real connections to a stand-in that speaks Resend's API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sovereign.domains import (
    DomainNotFoundError,
    DomainNotVerifiedError,
    DomainService,
    DomainStore,
    NoResendKeyError,
    ResendAccount,
)
from sovereign.kernel import settings
from sovereign.kernel.addresses import allowed_networks
from sovereign.notifications import NotificationReason
from sovereign.notifications.mail import Mail
from sovereign.notifications.resend import Answer, Refused, ResendMailer, Sent, TryAgain
from sovereign.provider_keys import ProviderKey
from tests.component.calls.harness import ORG, CountingTable, moto_table
from tests.fakes.resend import FakeResend, serving
from tests.fakes.server import BAD_KEY, GOOD_KEY

NAME = "mail.example.com"
MAIL = Mail(f"Riverside <notifications@{NAME}>", ["desk@riverside.example"], "Call report", "text", "<p>html</p>")


@dataclass
class Keys:
    value: str | None = GOOD_KEY

    def lookup(self, _org_id: str, _provider: str) -> ProviderKey | None:
        return ProviderKey(self.value, byok=True) if self.value else None


@dataclass
class Line:
    """An account, the way to it, and an organization's domain in it."""

    account: FakeResend
    base_url: str
    table: CountingTable

    def __post_init__(self) -> None:
        self.keys = Keys()
        account: Callable[[str], ResendAccount] = lambda key: ResendAccount(key, base_url=self.base_url)  # noqa: E731
        self.domains = DomainService(DomainStore(self.table), self.keys, account=account)  # type: ignore[arg-type]
        self.mailer = ResendMailer(base_url=self.base_url)

    def send(self, mail: Mail = MAIL, *, key: str = GOOD_KEY, once: str = "call-report/a") -> Answer:
        return self.mailer.send(mail, api_key=key, idempotency_key=once)

    def remote(self) -> dict[str, Any]:
        (domain,) = self.account.domains.values()
        return domain


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    resend = FakeResend()
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "127.0.0.0/8")
    with moto_table(monkeypatch) as table, serving(resend) as base_url:
        allowed_networks.cache_clear()
        settings.read_environment.cache_clear()
        yield Line(resend, base_url, table)
    allowed_networks.cache_clear()


def test_mail_arrives_whole(line: Line) -> None:
    line.account.add(NAME, status="verified")
    answer = line.send()
    [taken] = line.account.emails
    assert answer == Sent(taken.pop("id"))
    assert taken == {
        "from": MAIL.sender,
        "to": ["desk@riverside.example"],
        "subject": "Call report",
        "text": "text",
        "html": "<p>html</p>",
        "headers": {"Auto-Submitted": "auto-generated"},
    }


def test_lost_answer_is_asked_for_again_without_a_second_mail(line: Line) -> None:
    line.account.add(NAME, status="verified")
    line.account.cut_after = {"POST"}
    assert line.send() == TryAgain(NotificationReason.RESEND_UNAVAILABLE)
    line.account.cut_after = set()
    assert line.send() == Sent(line.account.emails[0]["id"])
    assert len(line.account.emails) == 1
    changed = Mail(MAIL.sender, MAIL.recipients, "Other words", MAIL.text, MAIL.html)
    assert line.send(changed) == Refused(NotificationReason.OUTCOME_UNKNOWN, 409)
    assert isinstance(line.send(changed, once="call-report/b"), Sent)


@pytest.mark.parametrize(
    ("status", "reason"), [(429, "rate_limited"), (500, "resend_unavailable"), (503, "resend_unavailable")]
)
def test_busy_resend_says_when_to_come_back(line: Line, status: int, reason: str) -> None:
    line.account.trouble.status, line.account.retry_after = status, "7"
    assert line.send() == TryAgain(NotificationReason(reason), timedelta(seconds=7))


def test_resend_that_cannot_be_reached_is_tried_again(line: Line) -> None:
    line.mailer = ResendMailer(base_url="http://127.0.0.1:9")
    assert line.send() == TryAgain(NotificationReason.RESEND_UNAVAILABLE)


def test_refused_key_and_refused_addresses_are_told_apart(line: Line) -> None:
    line.account.add(NAME, status="verified")
    assert line.send(key=BAD_KEY) == Refused(NotificationReason.KEY_REFUSED, 401)
    nowhere = Mail(MAIL.sender, ["nobody"], MAIL.subject, MAIL.text, MAIL.html)
    assert line.send(nowhere) == Refused(NotificationReason.REFUSED_BY_RESEND, 422)
    assert line.account.emails == []


def test_state_of_the_domain_is_what_resend_says_at_the_moment_of_sending(line: Line) -> None:
    line.keys.value = None
    with pytest.raises(NoResendKeyError):
        line.domains.sender(ORG)
    line.keys.value = GOOD_KEY
    with pytest.raises(DomainNotFoundError):
        line.domains.sender(ORG)
    line.domains.create(ORG, NAME)
    with pytest.raises(DomainNotVerifiedError):
        line.domains.sender(ORG)
    assert line.send() == Refused(NotificationReason.REFUSED_BY_RESEND, 403)
    line.remote()["status"] = "verified"  # nobody tells us
    domain, key = line.domains.sender(ORG)
    assert (domain.domain_name, domain.verified_at is not None, key.value) == (NAME, True, GOOD_KEY)
    asked = len(line.account.requests)
    line.domains.sender(ORG)
    assert len(line.account.requests) == asked, "a verified domain is not asked about for each mail"
    assert isinstance(line.send(), Sent)
    line.remote()["status"] = "failed"
    assert line.send(once="call-report/b") == Refused(NotificationReason.REFUSED_BY_RESEND, 403)
    assert not line.domains.refresh(ORG).can_send
    with pytest.raises(DomainNotVerifiedError):
        line.domains.sender(ORG)


def test_domain_that_only_sends_is_good_enough(line: Line) -> None:
    line.domains.create(ORG, NAME)
    remote = line.remote()
    remote["status"] = "partially_verified"
    for record in remote["records"]:
        record["status"] = "verified"
    remote["records"].append({"record": "Receiving", "type": "MX", "name": "inbound", "status": "pending"})
    assert line.domains.sender(ORG)[0].can_send
    remote["records"][0]["status"] = "pending"
    assert not line.domains.refresh(ORG).can_send
