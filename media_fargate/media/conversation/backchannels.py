"""Backchannels: what a listener says without wanting the turn."""

import re

_SOUNDS = frozenset(
    # what recognisers write for listening noises, whatever the language
    [
        "mhm",
        "mm",
        "mmm",
        "mmhm",
        "mmhmm",
        "mm-hm",
        "mm-hmm",
        "hm",
        "hmm",
        "uh-huh",
        "uhuh",
        "uh",
        "um",
        "ah",
        "aha",
        "oh",
    ]
)
_ASSENT = frozenset(
    # English, Dutch, German, French
    ["okay", "ok", "yeah", "yep", "yup", "yes", "right", "sure", "alright", "ja", "jaja", "oke", "oké", "genau", "oui"]
)
_PHRASES = frozenset(["i see", "got it", "all right", "snap ik"])
_MOST_WORDS = 3
_WORD = re.compile(r"\w+(?:[-']\w+)*")


def is_backchannel(text: str) -> bool:
    """Whether these words only show that somebody listens ("mhm", "yeah, okay"); False when there are none."""
    words = _words(text)
    if not 0 < len(words) <= _MOST_WORDS:
        return False
    return " ".join(words) in _PHRASES or all(word in _SOUNDS or word in _ASSENT for word in words)


def is_assent(text: str) -> bool:
    """Whether these words could also be the answer to a question ("yes", "okay sure")."""
    words = _words(text)
    return is_backchannel(text) and any(word in _ASSENT for word in words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
