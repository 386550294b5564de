"""Finding what somebody said in a recogniser's text, whatever the case, accents and punctuation."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

_ACCENTS = re.compile("[\u0300-\u036f]")
_WORDS = re.compile(r"\w+")
_NO_SPACES = re.compile(r"(?<=[\u3040-\u30ff\u4e00-\u9fff]) (?=[\u3040-\u30ff\u4e00-\u9fff])")
"""Between characters of a script that writes no spaces."""


def fold(text: str) -> str:
    """Lower-case words without accents, one space apart; apostrophes part words ("can't" is "can t")."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return _NO_SPACES.sub("", " ".join(_WORDS.findall(unicodedata.normalize("NFC", plain))))


class Phrases:
    """Patterns for folded text: regular expressions of words, found at word borders only.

    A pattern may be written with accents; `_` stands for up to five words in between.
    """

    def __init__(self, patterns: Iterable[str], *, word_borders: bool = True) -> None:
        border = (r"(?<!\w)", r"(?!\w)") if word_borders else ("", "")
        self._found: Sequence[re.Pattern[str]] = [
            re.compile(border[0] + "(?:" + _compiled(pattern) + ")" + border[1]) for pattern in patterns
        ]

    def count(self, folded: str) -> int:
        """How many of the patterns are found."""
        return sum(1 for pattern in self._found if pattern.search(folded))

    def without(self, folded: str) -> str:
        """The text with everything that is found cut out."""
        for pattern in self._found:
            folded = pattern.sub(" | ", folded)
        return folded


def _compiled(pattern: str) -> str:
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", pattern.casefold())))
    return plain.replace(" _ ", r"(?: \w+){0,5}? ")
