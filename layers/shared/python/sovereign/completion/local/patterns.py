"""How people say a name, a day, a time, a number: patterns over a dialogue."""

import re
from collections.abc import Mapping

from sovereign.completion.local.dialogue import Dialogue, lexicon

_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"\s+\d{1,2}(?:st|nd|rd|th)?"
)
_HOUR = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})"
_MINUTES = r"(?:\s+(?:fifteen|thirty|forty[- ]five|o'?clock)|[:.]\d{2})"
_HALF_DAY = r"(?:\s*[ap]\.?m\b\.?|\s+in the (?:morning|afternoon|evening))"
_NAME = r"[A-Z][\w'\u2019-]+(?:\s+[A-Z][\w'\u2019-]+){0,2}"

FINDERS: Mapping[str, re.Pattern[str]] = {
    "name": re.compile(rf"(?:[Mm]y name is|[Tt]his is|[Ii] am|I'm|[Nn]ame's)\s+({_NAME})"),
    "day": re.compile(rf"\b((?:next |this )?{_DAY}|today|tomorrow|{_MONTH})\b", re.IGNORECASE),
    "date": re.compile(rf"\b((?:next |this )?{_DAY}|today|tomorrow|{_MONTH}|\d{{4}}-\d{{2}}-\d{{2}})\b", re.IGNORECASE),
    "time": re.compile(rf"\b({_HOUR}{_MINUTES}{_HALF_DAY}?|half past {_HOUR}|{_HOUR}{_HALF_DAY}|noon)", re.IGNORECASE),
    "phone": re.compile(r"(\+?\d[\d ()-]{6,}\d)"),
    "email": re.compile(r"([\w.+-]+@[\w-]+\.[\w.-]*\w)"),
}
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w])")
_MOODS: Mapping[str, frozenset[str]] = {
    "positive": lexicon("thanks thank great perfect lovely wonderful excellent good appreciate happy"),
    "negative": lexicon(
        "angry annoyed terrible awful complaint complain frustrated unacceptable useless worst ridiculous bad"
    ),
}


def find(kind: str, dialogue: Dialogue) -> str | None:
    """The last time the caller said a value of this kind (a later one corrects an earlier)."""
    found = [match.group(1) for s in dialogue.by("user") if (match := FINDERS[kind].search(s.text))]
    return found[-1].strip() if found else None


def number(text: str) -> float | None:
    """The first number written in digits."""
    match = _NUMBER.search(text)
    return float(match.group()) if match else None


def mood(dialogue: Dialogue) -> str:
    """`positive`, `negative` or `neutral` by the words the caller used."""
    counts = {
        name: sum(word in lexicon for s in dialogue.by("user") for word in s.words) for name, lexicon in _MOODS.items()
    }
    if counts["positive"] == counts["negative"]:
        return "neutral"
    return max(counts, key=lambda name: counts[name])
