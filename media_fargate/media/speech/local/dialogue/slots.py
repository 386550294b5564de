"""Tool parameters: what kind of value each wants, how to ask for it, and how to find it in what a caller said."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from media.speech.local.dialogue.moments import clock_time, date_of, day_in, time_in
from media.speech.local.dialogue.text import listed, plain_subject, stem, subject, words
from media.speech.local.numerals import NUMBER_WORD, digits, value_of

Kind = Literal["choice", "flag", "number", "day", "time", "name", "phone", "email", "text"]

_NAMED_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("phone", re.compile(r"phone|mobile|telephone")),
    ("email", re.compile(r"e_?mail")),
    ("name", re.compile(r"(?:^|_)name$|^(?:caller|customer|patient|guest)$")),
    ("time", re.compile(r"(?:^|_)(?:time|hour)(?:$|_)")),
    ("day", re.compile(r"(?:^|_)(?:day|date|weekday|when)(?:$|_)")),
)
_QUESTIONS: dict[Kind, str] = {
    "day": "Which day would you like?",
    "time": "At what time would you like that?",
    "name": "May I have your name, please?",
    "phone": "What phone number can we reach you on?",
    "email": "What is your e-mail address?",
}
_NAME = re.compile(
    r"\b(?:my (?:full |first |last )?name is|my name's|this is|i am|i'm|it's|it is|name is|call me)\s+"
    r"(?P<name>(?!(?:calling|looking|not|a|an|the|in|on|at|just|very|so|here|interested|sorry|fine|ok|okay)\b)"
    r"[a-z][\w'-]+(?:\s+(?!(?:and|i|i'd|i'm|from|speaking|here|calling|please|but|for|on|at)\b)[a-z][\w'-]*){0,3})",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"^(?:(?:uh|um|er|well|yes|yeah|sure|okay|ok|of course|so|oh|hi|hello|please|it's|it is|that's|that is"
    r"|that would be|make it|i think|the)\b[\s,.]*)+|[\s,.]*\b(?:please|thanks|thank you)[\s,.!]*$",
    re.IGNORECASE,
)
_SPOKEN_DIGITS = {"oh": "0", "o": "0", **{digits(str(n)): str(n) for n in range(10)}}
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(rf"\b\d+(?:\.\d+)?\b|\b(?:{NUMBER_WORD})(?:[ -](?:{NUMBER_WORD}))?\b", re.IGNORECASE)
_SHORTEST_PHONE = 7


@dataclass(frozen=True)
class Slot:
    """One parameter of a tool."""

    name: str
    kind: Kind
    schema: Mapping[str, Any]
    required: bool

    @property
    def question(self) -> str:
        """How to ask a caller for it."""
        about = str(self.schema.get("description") or "").strip()
        if about.endswith("?"):
            return about
        if self.kind in _QUESTIONS:
            return _QUESTIONS[self.kind]
        readable = self.name.replace("_", " ").replace("-", " ")
        if self.kind == "choice":
            options = [str(option).replace("_", " ") for option in self.schema["enum"]]
            return f"Which {readable} would you like: {listed(options, 'or')}?"
        return f"Could you tell me the {readable}?" if len(readable) > 2 else f"Could you tell me {about or readable}?"


def slots_of(parameters: Mapping[str, Any]) -> tuple[Slot, ...]:
    """The parameters of a JSON Schema of type object, in its order."""
    required = set(parameters.get("required") or ())
    properties = parameters.get("properties") or {}
    return tuple(Slot(name, _kind(name, schema), schema, name in required) for name, schema in properties.items())


def find(slot: Slot, said: str, today: date, *, asked: bool = False) -> Any:
    """The value for a slot in what a caller said, in the schema's type; None when there is none.

    `asked` means that the assistant just asked for it, so a bare answer counts.
    """
    said = said.replace("\u2019", "'")
    match slot.kind:
        case "choice":
            return _choice(slot.schema["enum"], said)
        case "flag":
            return _flag(said) if asked else None
        case "number":
            whole = slot.schema.get("type") == "integer"
            return _number(said, whole=whole) if asked or _measured(slot, said) else None
        case "name":
            return _name(said, bare=asked)
        case "text":
            return (_FILLER.sub("", said).strip(" .,!") or None) if asked else None
        case kind:
            found = _FINDERS[kind](said)
            return found and _in_format(found, slot.schema.get("format"), today)


def _in_format(found: str, wanted: Any, today: date) -> str | None:
    if wanted == "date":
        return date_of(found, today)
    return clock_time(found) if wanted == "time" else found


def _kind(name: str, schema: Mapping[str, Any]) -> Kind:
    declared, form = schema.get("type"), schema.get("format")
    if schema.get("enum"):
        return "choice"
    if declared == "boolean":
        return "flag"
    if declared in {"integer", "number"}:
        return "number"
    by_format: dict[Any, Kind] = {"date": "day", "time": "time", "email": "email"}
    if form in by_format:
        return by_format[form]
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|-", "_", name).lower()
    return next((kind for kind, pattern in _NAMED_KINDS if pattern.search(plain)), "text")


def _choice(options: list[Any], said: str) -> Any:
    heard = subject(said)
    spoken = f" {' '.join(words(said))} "
    for option in sorted(options, key=lambda o: -len(str(o))):
        named = words(str(option).replace("_", " "))
        meant = plain_subject(" ".join(named))
        if (meant and meant <= heard) or stem("".join(named)) in heard or f" {' '.join(named)} " in spoken:
            return option
    return None


def _flag(said: str) -> bool | None:
    if re.search(r"\b(?:no|nope|not|don't|never)\b", said, re.IGNORECASE):
        return False
    return True if re.search(r"\b(?:yes|yeah|yep|sure|please|correct|right)\b", said, re.IGNORECASE) else None


def _measured(slot: Slot, said: str) -> bool:
    """Whether a number in the text is about this slot: the words of its name are near ("for two people")."""
    return bool(plain_subject(slot.name.replace("_", " ")) & plain_subject(said))


def _number(said: str, *, whole: bool) -> int | float | None:
    match = _NUMBER.search(said)
    if not match:
        return None
    if "." in match[0] and not whole:
        return float(match[0])
    return value_of(match[0].split(".")[0])


def _name(said: str, *, bare: bool) -> str | None:
    if match := _NAME.search(said):
        return _capitalised(match["name"])
    if not bare:
        return None
    answer = _FILLER.sub("", said).strip(" .,!")
    return _capitalised(answer) if re.fullmatch(r"[^\W\d][\w.' -]*", answer) and len(answer.split()) <= 4 else None


def _capitalised(name: str) -> str:
    return " ".join(part if part[:1].isupper() else part.capitalize() for part in name.split())


def _phone(said: str) -> str | None:
    run, best = "", ""
    for word in re.findall(r"[a-z]+|\+?\d+", said.lower()):
        digit = word if word.lstrip("+").isdigit() else _SPOKEN_DIGITS.get(word)
        run = run + digit if digit else ("+" if word == "plus" else "")
        best = max(best, run, key=len)
    return best if len(best.lstrip("+")) >= _SHORTEST_PHONE else None


def _email(said: str) -> str | None:
    written = re.sub(r"\s+(?:at)\s+", "@", said.lower())
    written = re.sub(r"\s+(?:dot|point)\s+", ".", written)
    match = _EMAIL.search(written)
    return match[0] if match else None


_FINDERS: dict[str, Callable[[str], str | None]] = {"day": day_in, "time": time_in, "phone": _phone, "email": _email}
