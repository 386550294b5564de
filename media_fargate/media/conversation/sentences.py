"""Cuts a stream of text into sentences as early as they are certain, and prepares them for speaking."""

import re
from collections.abc import Sequence

_END = re.compile(r"[.!?…]+[\"')\]»”’]*(?=\s)|[。！？]+|\n+")  # noqa: RUF001 - full-width marks end sentences too
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|vs|etc|approx|e\.g|i\.e|a\.m|p\.m|dhr|mevr|drs|ir|bijv|d\.w\.z|z\.b|nr)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_LONGEST = 240
"""Characters after which text without any sentence end is cut at a comma or space, so that speaking goes on."""


class SentenceSplitter:
    """Push deltas in, get whole sentences out; `rest` returns what is left at the end of the text."""

    def __init__(self) -> None:
        self._text = ""

    def push(self, delta: str) -> list[str]:
        """Add text; returns the sentences it completed, stripped, never empty."""
        self._text += delta
        found: list[str] = []
        while (cut := self._next_cut()) is not None:
            sentence, self._text = self._text[:cut].strip(), self._text[cut:].lstrip(" ")
            if sentence:
                found.append(sentence)
        return found

    def rest(self) -> str:
        """What has not been returned yet, stripped; the splitter is empty afterwards."""
        rest, self._text = self._text.strip(), ""
        return rest

    def _next_cut(self) -> int | None:
        for end in _END.finditer(self._text):
            if not _ABBREVIATION.search(self._text[: end.end()]):
                return end.end()
        if len(self._text) < _LONGEST:
            return None
        head = self._text[:_LONGEST]
        at = max(head.rfind(", "), head.rfind("; "))
        return at + 1 if at > 0 else max(head.rfind(" "), 0) or _LONGEST


def split_sentences(text: str) -> list[str]:
    """All sentences of a whole text."""
    splitter = SentenceSplitter()
    found = splitter.push(text)
    rest = splitter.rest()
    return [*found, rest] if rest else found


class Pronunciation:
    """Literal replacements made in what is spoken, in one pass (a replacement is never replaced again)."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._spoken = dict(pairs)
        longest_first = sorted(self._spoken, key=len, reverse=True)
        self._written = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def apply(self, text: str) -> str:
        """The text as it is to be spoken."""
        if self._written is None:
            return text
        return self._written.sub(lambda match: self._spoken[match.group()], text)


def normalise_phrase(text: str) -> str:
    """Lower case, letters and digits with single spaces: for finding a phrase in what was said."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def contains_phrase(text: str, phrases: Sequence[str]) -> bool:
    """Whether one of the phrases occurs in the text as whole words, whatever the case and punctuation."""
    spoken = f" {normalise_phrase(text)} "
    return any(f" {wanted} " in spoken for phrase in phrases if (wanted := normalise_phrase(phrase)))
