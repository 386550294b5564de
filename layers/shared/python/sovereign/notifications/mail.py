"""A report as a mail: sender, recipients, subject, plain text and HTML. Everything in the HTML is escaped here."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from sovereign.assistants.settings import AssistantMembers
from sovereign.notifications.report import CallReport, Section, cleaned

MAILBOX = "notifications"
LONGEST_NAME = 60

_NAME_KINDS = ("L", "M", "N")
_NAME_MARKS = frozenset(" -'&")
"""Beside letters and digits: nothing that means something in an address header."""
_STYLE = "font-family:sans-serif;font-size:14px;color:#222"
_CELL = "padding:2px 12px 2px 0;vertical-align:top"


@dataclass(frozen=True)
class Mail:
    """What is sent, and to whom."""

    sender: str
    recipients: Sequence[str] = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


def recipients_of(settings: AssistantMembers) -> list[str]:
    """The assistant's addresses, each once: six at most."""
    named = [settings.notification_email, *(settings.notification_emails or [])]
    once: dict[str, str] = {}
    for address in named:
        if address:
            once.setdefault(address.lower(), address)
    return list(once.values())


def sender_of(domain_name: str, name: str | None) -> str:
    """`Riverside Dental <notifications@mail.example.com>`."""
    shown = "".join(c if _is_of_a_name(c) else " " for c in cleaned(name or ""))
    shown = " ".join(shown.split())[:LONGEST_NAME].strip()
    return f"{shown or 'Call reports'} <{MAILBOX}@{domain_name}>"


def mail_of(report: CallReport, *, sender: str, recipients: Sequence[str]) -> Mail:
    """The report as it is sent."""
    return Mail(sender, recipients, report.subject, _text(report), _html(report))


def _is_of_a_name(character: str) -> bool:
    return character in _NAME_MARKS or unicodedata.category(character)[0] in _NAME_KINDS


def _text(report: CallReport) -> str:
    return "\n\n".join("\n".join(_text_lines(section)) for section in report.sections) + "\n"


def _text_lines(section: Section) -> list[str]:
    """Indented under its title, so that nothing that was said can look like a title."""
    entries = [f"{entry.label}: {entry.text}" if entry.label else entry.text for entry in section.entries]
    inner = [*section.text.splitlines(), *([section.link] if section.link else []), *entries]
    return [section.title.upper(), *(f"  {line}" for line in inner)]


def _html(report: CallReport) -> str:
    body = "".join(_html_section(section) for section in report.sections)
    head = f'<head><meta charset="utf-8"><title>{_escaped(report.subject)}</title></head>'
    return f'<!doctype html><html>{head}<body style="{_STYLE}">{body}</body></html>'


def _html_section(section: Section) -> str:
    parts = [f"<h3>{_escaped(section.title)}</h3>"]
    if section.link:
        parts.append(f'<p><a href="{_escaped(section.link)}">Listen to the recording</a></p>')
    parts += [f"<p>{_escaped(line)}</p>" for line in section.text.splitlines()]
    rows = "".join(
        f'<tr><td style="{_CELL}"><b>{_escaped(entry.label)}</b></td>'
        f'<td style="{_CELL}">{_escaped(entry.text)}</td></tr>'
        for entry in section.entries
    )
    if rows:
        parts.append(f"<table>{rows}</table>")
    return "".join(parts)


def _escaped(text: str) -> str:
    return escape(text, quote=True)
