"""The committed recordings, and how many words of them were heard wrongly."""

import json
import re
import wave
from dataclasses import dataclass
from pathlib import Path

from media.speech.local.normalise import spoken

CALLER = Path(__file__).parents[2] / "samples" / "caller"


@dataclass(frozen=True)
class Recording:
    name: str
    text: str
    pcm: bytes
    rate: int


def recordings() -> dict[str, Recording]:
    """By file name without its ending."""
    found = {}
    for entry in json.loads((CALLER / "manifest.json").read_text()):
        with wave.open(str(CALLER / entry["file"])) as file:
            name = Path(entry["file"]).stem
            found[name] = Recording(name, entry["text"], file.readframes(file.getnframes()), file.getframerate())
    return found


def words_of(text: str) -> list[str]:
    """Words as they are counted: numbers written out, joined compounds apart, no punctuation."""
    plain = re.sub(r"[-\u2010-\u2015]", " ", spoken(text).lower())
    plain = re.sub(r"\bgood bye\b", "goodbye", plain).replace("checkup", "check up").replace("okay", "ok")
    return re.findall(r"[a-z']+", plain)


def find_said(said: str, heard: str) -> int | None:
    """Where these words stand in what was heard: a place in its letters; None when they were not heard.

    Letters are compared, not words ("good by" is a recogniser's "goodbye"), and one in six may be wrong. What is
    shorter than six letters, a number for example, must be right.
    """
    wanted, text = ("".join(words_of(each)) for each in (said, heard))
    row = list(range(len(wanted) + 1))
    best, place = len(wanted), 0
    for end, letter in enumerate(text, 1):
        before, row[0] = row[0], 0  # the words may begin anywhere
        for i, other in enumerate(wanted, 1):
            before, row[i] = row[i], min(row[i] + 1, row[i - 1] + 1, before + (letter != other))
        if row[-1] < best:
            best, place = row[-1], end
    return place if best <= len(wanted) // 6 else None


def was_said(said: str, heard: str) -> bool:
    """Whether these words are in what was heard, as `find_said` compares them."""
    return find_said(said, heard) is not None


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Levenshtein distance in words, and the number of words said."""
    reference, hypothesis = words_of(said), words_of(heard)
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(hypothesis, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1], len(reference)
