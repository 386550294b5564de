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


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Levenshtein distance in words, and the number of words said."""
    reference, hypothesis = words_of(said), words_of(heard)
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(hypothesis, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1], len(reference)
