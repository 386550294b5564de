"""The dialogue as sentences with their speakers, and words as comparable stems."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"^(user|assistant|tool): (.*)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SUFFIXES = ("ments", "ment", "ings", "ing", "edly", "ied", "ed", "ies", "es", "s", "ly")


def lexicon(words: str) -> frozenset[str]:
    """A set of words from a text."""
    return frozenset(words.split())


_NEGATION = lexicon("no not never cannot can't couldn't won't don't didn't isn't wasn't unable sorry nothing fully")
STOP_WORDS = lexicon(
    "a an and are as at be been but by can could did do does for from had has have he her his how i i'd i'll "
    "i'm if in is it its me my of on or our she so than that the their them they this to us was we were what "
    "when where which who why will with would yes you your please caller user customer call whether should"
)


@dataclass(frozen=True)
class Sentence:
    """One sentence of one speaker: `user`, `assistant` or `tool`."""

    speaker: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words in lower case, in order."""
        return words_of(self.text)

    @property
    def stems(self) -> set[str]:
        """Stems of its words that carry meaning."""
        return stems_of(self.text)

    @property
    def is_question(self) -> bool:
        """Whether it ends as a question."""
        return self.text.rstrip().endswith("?")

    @property
    def is_negated(self) -> bool:
        """Whether a word of negation stands in it."""
        return not _NEGATION.isdisjoint(self.words)


@dataclass(frozen=True)
class Dialogue:
    """Everything that was said, in order."""

    sentences: tuple[Sentence, ...]

    @classmethod
    def parse(cls, text: str) -> "Dialogue":
        """Read the `speaker: words` lines out of a prompt; other lines are not part of the dialogue."""
        return cls(
            tuple(
                Sentence(speaker, sentence)
                for speaker, said in _LINE.findall(text)
                for sentence in _SENTENCE_END.split(said.strip())
                if sentence
            )
        )

    def by(self, *speakers: str) -> Iterator[Sentence]:
        """The sentences of these speakers."""
        return (s for s in self.sentences if s.speaker in speakers)


def words_of(text: str) -> list[str]:
    """Words in lower case; underscores and hyphens separate."""
    return _WORD.findall(text.lower().replace("_", " ").replace("-", " ").replace("\u2019", "'"))


def stems_of(text: str) -> set[str]:
    """Stems of the words that are not stop words."""
    return {stem(word) for word in words_of(text) if word not in STOP_WORDS}


def stem(word: str) -> str:
    """A crude English stem: one inflection is cut, a doubled last consonant made single, a last `e` or `y` dropped."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word.removesuffix(suffix)
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.rstrip("ey") if len(word) > 3 else word
