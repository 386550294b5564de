"""What a mail says, and what nobody can make it say."""

from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import Any

import pytest

from sovereign.assistants.settings import AssistantMembers
from sovereign.calls.model import Call, CallRef, CallStatus, EndReason, Message
from sovereign.notifications.mail import LONGEST_NAME, Mail, mail_of, recipients_of, sender_of
from sovereign.notifications.report import LONGEST_TRANSCRIPT, report_of
from tests.component.calls.harness import CALLER, ORG, OWN, START

LINK = "https://api.example.com/api/v1/calls/call-inbound-a/recording?t=1.a&b=2"
EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script></td><a href="http://evil.example">x</a>&amp;'


def call(**changes: Any) -> Call:
    known: dict[str, Any] = {
        "ref": CallRef(ORG, "call-inbound-a", 1),
        "direction": "inbound",
        "status": CallStatus.ENDED,
        "created_at": START,
        "updated_at": START,
        "caller_phone": CALLER,
        "assistant_phone": OWN,
        "agent_name": "Reception",
        "business_name": "Riverside Dental",
        "end_reason": EndReason.USER_HANGUP,
        "started_at": START + timedelta(seconds=3),
        "ended_at": START + timedelta(seconds=84),
        "duration_seconds": 81,
        "messages": [Message("assistant", "Good day"), Message("user", "Hello"), Message("tool", "internal")],
        "summary": "They said hello.",
        "analysis_result": {"mood": "good", "items": [1, {"a": None}]},
    }
    return Call(**known | changes)


def mailed(link: str | None = LINK, **changes: Any) -> Mail:
    return mail_of(report_of(call(**changes), link), sender="x", recipients=["desk@example.com"])


class Page(HTMLParser):
    """The tags of a page, its attributes and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data + "\n"


def test_mail_tells_who_when_why_and_what() -> None:
    mail = mailed()
    assert mail.subject == "Call report: Reception, inbound, 2026-11-22 21:00 UTC"
    page = Page(mail.html)
    for told in (
        "Reception", "Riverside Dental", CALLER, OWN, "2026-11-22 21:00:03 UTC", "2026-11-22 21:01:24 UTC", "1:21",
        "ended", "user hangup", "call-inbound-a", "They said hello.", "good", '[1, {"a": null}]', "Good day", "Hello",
    ):  # fmt: skip
        assert told in mail.text
        assert told in page.words
    assert "internal" not in mail.text + mail.html
    assert LINK in mail.text
    assert page.links == [LINK]


def test_what_was_said_cannot_become_markup() -> None:
    plain = mailed()
    mail = mailed(
        messages=[Message("user", EVIL), Message("assistant", EVIL)],
        summary=EVIL,
        analysis_result={EVIL: EVIL},
        agent_name=EVIL,
        business_name=EVIL,
        transfer={"destination": EVIL, "outcome": "failed"},
        error=EVIL,
        caller_phone=EVIL,
    )
    page, before = Page(mail.html), Page(plain.html)
    assert (page.tags, page.attributes) == (before.tags, before.attributes)
    assert page.links == [LINK]
    assert page.words.count(EVIL) >= 7, "it is shown as it was said"


def test_what_was_said_cannot_look_like_a_part_of_the_mail() -> None:
    mail = mailed(messages=[Message("user", "Hi\n\nSUMMARY\u2028  Sent\r\nANALYSIS\x0b\x85x")], summary="One\r\nTwo")
    lines = mail.text.split("\n")
    assert lines.count("SUMMARY") == 1
    assert "  Caller: Hi SUMMARY Sent ANALYSIS x" in lines
    assert lines[lines.index("SUMMARY") + 1 :][:2] == ["  One", "  Two"]


def test_invisible_and_reversing_characters_are_left_out() -> None:
    mail = mailed(messages=[Message("user", "a\u202egpj.exe\u2066b\u0000c\ud800d\ufeff")], link=None)
    assert "  Caller: agpj.exebcd\n" in mail.text
    mail.html.encode()


def test_names_cannot_bring_headers() -> None:
    name = 'Evil"\r\nBcc: <all@evil.example>, x\u0000\\'
    sender = sender_of("mail.example.com", name)
    assert sender == "Evil Bcc all evil example x <notifications@mail.example.com>"
    assert parseaddr(sender)[1] == "notifications@mail.example.com"
    subject = mailed(agent_name=name).subject
    assert "\r" not in subject
    assert "\n" not in subject
    assert subject.isprintable()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller & Søn's", "Müller & Søn's"),
        ("नमस्ते", "नमस्ते"),
        ("Acme, Inc.", "Acme Inc"),
        ("<<>>", "Call reports"),
        (None, "Call reports"),
        ("x" * 200, "x" * LONGEST_NAME),
    ],
)
def test_sender_bears_the_business_name(name: str | None, shown: str) -> None:
    assert sender_of("mail.example.com", name) == f"{shown} <notifications@mail.example.com>"


def test_recipients_are_named_once_each() -> None:
    members = AssistantMembers(notification_email="a@x.example", notification_emails=["b@x.example", "A@x.example"])
    assert recipients_of(members) == ["a@x.example", "b@x.example"]
    assert recipients_of(AssistantMembers()) == []


def test_private_call_says_only_that_and_how_it_took_place() -> None:
    mail = mailed(private=True, transfer={"destination": CALLER, "outcome": "failed"})
    for secret in (CALLER, OWN, "They said hello.", "Good day", "good", LINK):
        assert secret not in mail.subject + mail.text + mail.html
    assert "1:21" in mail.text


def test_call_nobody_answered_has_no_transcript() -> None:
    mail = mailed(started_at=None, duration_seconds=0, messages=None, summary="", analysis_result=None, link=None)
    assert "Answered: no" in mail.text
    for title in ("SUMMARY", "ANALYSIS", "RECORDING", "TRANSCRIPT"):
        assert title not in mail.text
    assert "Too short." in mailed(analysis_error="Too short.").text


def test_longest_transcript_is_cut_and_says_where_the_rest_is() -> None:
    mail = mailed(messages=[Message("user", "x" * 10_000)] * 40)
    assert len(mail.text) < LONGEST_TRANSCRIPT + 10_000
    assert "GET /calls/call-inbound-a" in mail.text
    assert "…" in mailed(messages=[Message("user", "x" * 1_000_000)]).text


@pytest.mark.parametrize("result", [[], "text", 7, {"deep": {"er": ["ü", True]}}])
def test_any_analysis_can_be_mailed(result: Any) -> None:
    mail = mailed(analysis_result=result)
    assert "ANALYSIS" in mail.text


def test_same_call_gives_the_same_mail() -> None:
    assert mailed() == mailed()
    assert mailed() != replace(mailed(), subject="other")


def test_addresses_and_content_are_not_in_a_mails_repr() -> None:
    assert "desk@example.com" not in repr(mailed())
    assert "They said hello." not in repr(mailed())
