"""The sentences the assistant says that are not taken from its instructions."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from media.speech.local.dialogue.offers import Offer
from media.speech.local.dialogue.prompt import Fact
from media.speech.local.dialogue.text import listed
from media.speech.local.dialogue.topics import LABELS

ANYTHING_ELSE = "Is there anything else I can help you with?"
GREETING = "Hello! How can I help you?"
FAREWELL = "Thank you for calling. Goodbye!"
WELCOME = "You are welcome."
LISTENING = "Go on, I am listening."
SMALL_TALK = "I see. What can I do for you?"
GO_AHEAD = "Of course, go ahead."
DROPPED = "All right, I will leave that."
OPTED_OUT = "I understand, and I am sorry for the trouble. Goodbye."
STILL_THERE = "Are you still there? How can I help you?"
TRANSFERRING = "One moment, I will connect you."
_NOT_KNOWN = "I am sorry, I do not have an answer to that."
_NO_PERSON = "I am sorry, I cannot connect you to a person on this line."
_FAILED = "I am sorry, that did not work."

# Where tools put what is meant for a person, in the order of preference.
_SPOKEN_MEMBERS = ("message", "result", "text", "answer", "reply", "response", "summary", "confirmation", "description")
_UNSPOKEN_MEMBERS = re.compile(r"^(?:ok|success|status|code|id|.*_id|url|.*_url)$")


def not_known(facts: Sequence[Fact], offers: Sequence[Offer]) -> str:
    """What is said when nothing fits."""
    return f"{_NOT_KNOWN} {abilities(facts, offers)}"


def no_person(facts: Sequence[Fact], offers: Sequence[Offer]) -> str:
    """What is said when a person is wanted and no transfer is offered."""
    return f"{_NO_PERSON} {abilities(facts, offers)}"


def abilities(facts: Sequence[Fact], offers: Sequence[Offer]) -> str:
    """What the assistant can be asked for."""
    topics = list(dict.fromkeys(topic for topic in map(_topic, facts) if topic))[:4]
    parts = [f"tell you about {listed(topics, 'and')}"] if topics else ["answer questions about us"] if facts else []
    parts += [f"help you {_with_article(offer.action)}" for offer in offers[:3]]
    return f"I can {listed(parts, 'or')}." if parts else "How else can I help you?"


def identity(who: str | None) -> str:
    """Who is speaking, in the words of the instructions."""
    if who is None:
        return "I am an automated assistant."
    name = not re.match(r"(?:a|an|the|our|my)\b", who, re.IGNORECASE) and "," not in who
    return f"I am {who}, an automated assistant." if name else f"I am {who}. I am an automated assistant."


def tool_outcome(content: str, arguments: Mapping[str, Any]) -> str:
    """What a tool's result says to the caller, and the offer to go on."""
    return f"{_outcome(content, arguments)} {ANYTHING_ELSE}"


def _outcome(content: str, arguments: Mapping[str, Any]) -> str:
    try:
        result = json.loads(content)
    except ValueError:
        result = content
    if isinstance(result, str):
        failed = re.match(r"(?:error|failed)\b", result, re.IGNORECASE)
        return _FAILED if failed else _sentence(result) if result.strip() else _done(arguments)
    if not isinstance(result, Mapping):
        return _done(arguments) if result in (None, True) else _FAILED if result is False else _sentence(_value(result))
    if result.get("error") or result.get("success") is False or result.get("ok") is False:
        return _FAILED
    for member in _SPOKEN_MEMBERS:
        if isinstance(result.get(member), str) and len(result[member].split()) > 1:
            return _sentence(result[member])
    spoken = [f"{_readable(k)} {_value(v)}" for k, v in result.items() if not _UNSPOKEN_MEMBERS.match(k) and v]
    return _sentence(", ".join(spoken)) if spoken else _done(arguments)


def _done(arguments: Mapping[str, Any]) -> str:
    values = ", ".join(_value(value) for value in arguments.values())
    return f"That is done: {values}." if values else "That is done."


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_readable(k)} {_value(v)}" for k, v in value.items())
    if isinstance(value, list):
        return listed([_value(entry) for entry in value], "and")
    return str(value)


def _readable(name: str) -> str:
    return name.replace("_", " ")


def _sentence(text: str) -> str:
    text = text.strip()
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _topic(fact: Fact) -> str | None:
    if fact.topic:
        topic = fact.topic.strip()
        return topic[0].lower() + topic[1:]
    return next((LABELS[concept] for concept in LABELS if concept in fact.concepts), None)


def _with_article(action: str) -> str:
    """ "book appointment" -> "book an appointment"; other wordings stay."""
    verb, _, thing = action.partition(" ")
    if not thing or " " in thing or thing.endswith("s"):
        return action
    return f"{verb} {'an' if thing[0] in 'aeiou' else 'a'} {thing}"
