"""What a call's mail says. Pure: the same call gives the same words, because a repeated request must not differ."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sovereign.calls.model import Call, Message

LONGEST_TRANSCRIPT = 200_000
"""Characters; more than four hours of talk have."""
LONGEST_VALUE = 20_000

_PRIVATE = "This assistant runs in gdpr_mode: what was said and who said it is in the webhook's report only."
_GOOD_FOR = "The link is good for seven days, without a key."
_CUT = "… the rest is in the API: GET /calls/{}"
_BREAKS = frozenset("\n\u2028\u2029")
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_JOINERS = frozenset("\u200c\u200d")
"""Format characters some scripts and emoji are written with; the others could turn a line around or hide it."""


@dataclass(frozen=True)
class Entry:
    """A line with what it is called, or who says it."""

    label: str
    text: str


@dataclass(frozen=True)
class Section:
    """Some entries or a paragraph, and a link where there is something to follow."""

    title: str
    entries: Sequence[Entry] = ()
    text: str = ""
    link: str | None = None


@dataclass(frozen=True)
class CallReport:
    """Subject and sections, as plain words."""

    subject: str
    sections: Sequence[Section]


def report_of(call: Call, recording_url: str | None) -> CallReport:
    """The report of a finished call; of a gdpr_mode call only when and how it took place."""
    who = call.agent_name or call.business_name or "assistant"
    subject = f"Call report: {cleaned(who, 80)}, {call.direction}, {_minute(call.started_at or call.created_at)}"
    facts = Section("Call", entries=_facts(call))
    if call.private:
        return CallReport(subject, [facts, Section("Content", text=_PRIVATE)])
    return CallReport(subject, [facts, *_content(call, recording_url)])


def cleaned(text: str, most: int = LONGEST_VALUE) -> str:
    """One line without characters that cannot be seen or that turn lines around, at most `most` long."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    shown = "".join(c for c in spaced if c in _JOINERS or unicodedata.category(c) not in _UNSHOWN)
    line = " ".join(shown.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _facts(call: Call) -> list[Entry]:
    seconds = call.duration_seconds or 0
    given = {
        "Assistant": call.agent_name,
        "Business": call.business_name,
        "Direction": call.direction,
        "Caller" if call.direction == "inbound" else "Called": None if call.private else call.caller_phone,
        "Our number": None if call.private else call.assistant_phone,
        "Answered": _second(call.started_at) if call.started_at else "no",
        "Ended": _second(call.ended_at) if call.ended_at else None,
        "Duration": f"{seconds // 60}:{seconds % 60:02d}",
        "Status": call.status.value,
        "End reason": call.end_reason.value.replace("_", " ") if call.end_reason else None,
        "Error": call.error,
        "Transfer": None if call.private else _transfer(call.transfer),
        "Call id": call.ref.call_id,
    }
    return [Entry(label, cleaned(str(value))) for label, value in given.items() if value]


def _content(call: Call, recording_url: str | None) -> list[Section]:
    sections = [
        Section("Summary", text=_paragraph(call.summary or "")),
        Section("Analysis", entries=_analysis(call.analysis_result)),
        Section("Analysis failed", text=_paragraph(call.analysis_error or "")),
        Section("Recording", text=_GOOD_FOR if recording_url else "", link=recording_url),
        Section("Transcript", entries=_transcript(call, call.messages or ())),
    ]
    return [section for section in sections if section.entries or section.text]


def _analysis(result: Any) -> list[Entry]:
    if result is None:
        return []
    members = result if isinstance(result, dict) else {"Result": result}
    return [Entry(cleaned(str(name), 200), _value(value)) for name, value in members.items()]


def _value(value: Any) -> str:
    return cleaned(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _transcript(call: Call, messages: Sequence[Message]) -> list[Entry]:
    speakers = {"user": "Caller" if call.direction == "inbound" else "Called", "assistant": "Assistant"}
    left = LONGEST_TRANSCRIPT
    entries: list[Entry] = []
    for message in messages:
        if message.role not in speakers:
            continue
        entry = Entry(speakers[message.role], cleaned(message.content))
        left -= len(entry.text)
        if left < 0:
            return [*entries, Entry("", _CUT.format(call.ref.call_id))]
        entries.append(entry)
    return entries


def _transfer(transfer: Any) -> str | None:
    if not transfer:
        return None
    said = (str(transfer[name]) for name in ("destination", "outcome") if transfer.get(name))
    return ", ".join(said)


def _paragraph(text: str) -> str:
    lines = (cleaned(line) for line in "".join("\n" if c in _BREAKS else c for c in text).split("\n"))
    return "\n".join(line for line in lines if line)


def _second(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else None


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
