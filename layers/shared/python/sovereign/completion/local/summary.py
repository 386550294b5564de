"""An extractive summary: what the caller asked or said that matters, and the sentence that answered it."""

from collections.abc import Iterator, Sequence

from sovereign.completion.local.dialogue import Dialogue, Sentence, lexicon

MAX_EXCHANGES = 5
MAX_CHARACTERS = 900
_REQUEST_WORDS = lexicon("like want need book cancel change speak talk know tell wonder looking help name")


def summarise(dialogue: Dialogue) -> str:
    """Up to five exchanges in the order they happened, as quotations; empty when the caller said nothing."""
    parts: list[str] = []
    for asked, answered in _exchanges(dialogue.sentences):
        parts.append(f"Caller: “{asked.text}”" + (f" Assistant: “{answered.text}”" if answered else ""))
    while len(parts) > MAX_EXCHANGES or (len(parts) > 1 and sum(map(len, parts)) > MAX_CHARACTERS):
        # the first exchange says why they called, the last how it ended: what is dropped lies between
        del parts[len(parts) // 2]
    return " ".join(parts)[: MAX_CHARACTERS * 2] or _first_words(dialogue)


def request_sentences(dialogue: Dialogue) -> list[Sentence]:
    """The caller's questions and requests."""
    return [s for s in dialogue.by("user") if _matters(s)]


def _exchanges(sentences: Sequence[Sentence]) -> Iterator[tuple[Sentence, Sentence | None]]:
    for index, sentence in enumerate(sentences):
        if sentence.speaker == "user" and _matters(sentence):
            yield sentence, _answer(sentence, sentences[index + 1 :])


def _answer(asked: Sentence, following: Sequence[Sentence]) -> Sentence | None:
    """Of the assistant's next turn, the statement that shares most words with what was asked."""
    turn: list[Sentence] = []
    for sentence in following:
        if sentence.speaker == "assistant":
            turn.append(sentence)
        elif sentence.speaker == "user" and turn:
            break
    statements = [s for s in turn if not s.is_question] or turn
    return max(statements, key=lambda s: len(s.stems & asked.stems), default=None)


def _matters(sentence: Sentence) -> bool:
    return sentence.is_question or not _REQUEST_WORDS.isdisjoint(sentence.words)


def _first_words(dialogue: Dialogue) -> str:
    said = next(dialogue.by("user"), None)
    return f"Caller: “{said.text}”" if said else ""
