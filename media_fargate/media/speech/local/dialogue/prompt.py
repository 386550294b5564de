"""What an assistant's instructions state as fact, and who it says it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from media.speech.local.dialogue.moments import weekdays_in
from media.speech.local.dialogue.text import sentences, subject
from media.speech.local.dialogue.topics import concepts_in

_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_HEADING = re.compile(r"^\s*#+\s*|\*\*|__")
_INSTRUCTION = re.compile(
    r"^(?:you(?:'re| are| must| should| will| never| always| speak| answer| help| work| have| do)\b"
    r"|you (?:can|may) (?:help|answer|use|book|make|look|check|offer|transfer|schedule|take|give|tell|only|not)\b"
    r"|your (?:name|role|task|job|goal|tone|style)\b"
    r"|(?:always|never|do not|don't|keep|answer|be|speak|use|ask|offer|say|tell|greet|help|respond|reply|make sure|only"
    r"|stay|avoid|remember|act|introduce|confirm|collect|politely|try|let|mention|wait|repeat|talk|listen|end|first|then"
    r"|once|finally|otherwise|after (?:that|the)|before (?:you|the|booking))\b"
    r"|(?:if|when|whenever|unless) (?:the|they|he|she|someone|somebody|a caller|a customer|asked|you|anyone)\b)",
    re.IGNORECASE,
)
_ABOUT_THE_CALLER = re.compile(r"\b(?:the (?:caller|user|customer|tool|conversation)|callers?)\b", re.IGNORECASE)
_IDENTITY = re.compile(r"\b(?:you are|you're|your name is) (?P<who>[^.!?\n]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Fact:
    """A sentence that may be told to a caller. `context` is the sentence with its heading, for matching."""

    text: str
    context: str
    topic: str | None
    subject: frozenset[str]
    concepts: frozenset[str]
    weekdays: frozenset[str]


def facts_of(instructions: Iterable[str]) -> tuple[Fact, ...]:
    """The facts of system messages, in order. Sentences that tell the assistant what to do are no facts."""
    return tuple(fact for text in instructions for fact in _facts(text))


def identity_of(instructions: Iterable[str]) -> str | None:
    """Who the instructions say the assistant is ("the receptionist of Riverside Dental"), else None."""
    for text in instructions:
        if match := _IDENTITY.search(text):
            return match["who"].strip()
    return None


def _facts(text: str) -> Iterable[Fact]:
    topic: str | None = None
    for line in text.splitlines():
        stripped = _HEADING.sub("", line).strip()
        bullet = bool(_BULLET.match(stripped))
        stripped = _BULLET.sub("", stripped)
        if not stripped:
            topic = None
        elif not bullet and (stripped.endswith(":") or line.lstrip().startswith("#")):
            topic = stripped.rstrip(":").strip()
        else:
            yield from (_fact(s, topic) for s in sentences(stripped) if _is_fact(s))


def _is_fact(sentence: str) -> bool:
    return (
        len(sentence.split()) > 1
        and not sentence.endswith("?")
        and not _INSTRUCTION.match(sentence)
        and not _ABOUT_THE_CALLER.search(sentence)
    )


def _fact(sentence: str, topic: str | None) -> Fact:
    context = f"{topic}: {sentence}" if topic else sentence
    label = topic or (sentence.partition(":")[0] if ":" in sentence and sentence.index(":") < 40 else None)
    said = sentence if sentence[-1] in ".!" else sentence + "."
    return Fact(
        text=_spoken(said),
        context=context,
        topic=label if label and not any(c.isdigit() for c in label) else None,
        subject=subject(context),
        concepts=concepts_in(context),
        weekdays=weekdays_in(context),
    )


def _spoken(sentence: str) -> str:
    """A list's "Check-up: 45 euros" read as a sentence; a time's colon stays."""
    return re.sub(r"(?<!\d):\s+", ", ", sentence[0].upper() + sentence[1:])
