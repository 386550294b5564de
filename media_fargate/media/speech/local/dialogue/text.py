"""Words of a text in the form in which they are compared."""

import itertools
import re
from collections.abc import Sequence

_WORD = re.compile(r"[a-z0-9€$£]+(?:'[a-z]+)?")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St|No|a\.m|p\.m|e\.g|i\.e)\.$")
# Words that say nothing about the subject of a sentence.
_EMPTY_WORDS = (
    "a about again all also am an and any are as at be been but by can could did do does doing for from get give "
    "go got had has have having hello hey hi how i i'd i'll i'm if in is it it's its just know let like may maybe "
    "me might more my no not now of off ok okay on or our out please really say see should so some sorry tell "
    "than thank thanks that that's the their them then there they this to too um us very want was we we're well "
    "were what what's when where which who why will with would yeah yes you your you're good morning afternoon "
    "evening need much many long information something anything question offer next one"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without empty ones."""
    found = list[str]()
    for piece in _SENTENCE.split(text.strip()):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += " " + piece
        elif piece:
            found.append(piece)
    return found


def words(text: str) -> list[str]:
    """Lower-case words and numbers; apostrophes stay inside, hyphens join ("check-up" is "checkup")."""
    return _WORD.findall(text.lower().replace("\u2019", "'").replace("-", ""))


def subject(text: str) -> frozenset[str]:
    """Stems of the words that carry the meaning, and of neighbours joined ("check up" meets "checkup")."""
    said = words(text)
    joined = [first + second for first, second in itertools.pairwise(said) if len(first) + len(second) >= 5]
    return frozenset(stem(word) for word in [*said, *joined] if word not in _EMPTY)


def plain_subject(text: str) -> frozenset[str]:
    """Like `subject` without the joined neighbours."""
    return frozenset(stem(word) for word in words(text) if word not in _EMPTY)


def stem(word: str) -> str:
    """The word without its commonest English endings; crude, and the same for both sides of a comparison."""
    for ending in ("ings", "ing", "ers", "ies", "ed", "er", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.removesuffix("e") if len(word) > 4 else word


def listed(parts: Sequence[str], word: str) -> str:
    """ "a, b and c", with `word` before the last."""
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}" if len(parts) > 1 else "".join(parts)
