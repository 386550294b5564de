"""Which turns are small talk, and which sentences of a model that invents things may be said in answer."""

import re

import numpy as np

from media.speech.local.dialogue.phrases import clauses, is_request
from media.speech.local.dialogue.text import sentences
from media.speech.local.minilm import Matrix, SentenceEncoder

# Read off 43 turns that are not among these examples: 16 of 18 of small talk lie 0.07 to 0.29 nearer to the first
# list than to the second, none of the 25 questions and troubles of callers does.
_MARGIN, _NEAREST = 0.05, 3
_SMALL_TALK = (
    "How are you today?", "What a lovely day it is.", "I had a long day at work.", "Tell me a joke.",
    "Do you like your job?", "What is your favourite food?", "Did you have a nice weekend?",
    "My cat slept on my keyboard.", "I am so tired.", "It is raining again.", "Do you ever sleep?",
    "You have a nice voice.", "I am in a good mood.", "My daughter turned five yesterday.", "That is funny.",
    "Are you happy?",
)  # fmt: skip
_MATTERS = (
    "Do you have parking?", "How much does it cost?", "What are your opening hours?", "Do you sell this?",
    "Do you accept credit cards?", "Is it wheelchair accessible?", "When is my appointment?", "Where is my order?",
    "Do you take insurance?", "Who is the owner?", "Can you help me with my invoice?",
    "I have a problem with my order.", "My tooth hurts.", "What medicine should I take?", "Is the doctor in today?",
    "Who won the match?", "What is the capital of France?", "What time is it?", "Something is broken.",
    "I lost my card.", "How long does it take?", "Do you deliver?", "What is the weather tomorrow?",
)  # fmt: skip
# Facts, promises, and who is speaking: the assistant's instructions and tools decide these, never this model.
_NEVER_SAID = re.compile(
    r"\d|[€$£@<>*#]|\b(?:https?|www)\b"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|hundred)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:tomorrow|yesterday|o'clock|hours?|minutes?)\b"
    r"|\b(?:appointment|book|reserv|schedul|order|deliver|pay|price|cost|free|refund|discount|invoice|offer|sell|open"
    r"|clos|address|street|office|clinic|restaurant|shop|store|number|e-?mail|transfer|connect|send|doctor|dentist"
    r"|nurse|medic|pill|lawyer|police|bank|account|password|card)\w*"
    r"|\b(?:we|we're|we'll|our|ours|us)\b|\bi(?:'ll| will| can| could)\b|\byou(?:'ll| will| should| must)\b"
    r"|\blet(?:'s| me)\b|\bi(?:'m| am) (?:an?|the|from|at)\b|\bmy name\b|\b(?:named|called|promise|guarantee|human)\b",
    re.IGNORECASE,
)


def is_small_talk(turn: str, encoder: SentenceEncoder) -> bool:
    """Whether nothing in a turn asks for anything: each part of it is nearer to small talk than to a matter."""
    parts = clauses(turn)
    if not parts or any(is_request(part) for part in parts):
        return False
    vectors = encoder.encode(parts)
    nearer = _nearness(vectors, encoder.encode(_SMALL_TALK)) - _nearness(vectors, encoder.encode(_MATTERS))
    return bool(np.min(nearer) > _MARGIN)


def read_first(encoder: SentenceEncoder) -> None:
    """Embed the examples, so that no caller waits for it."""
    encoder.encode([*_SMALL_TALK, *_MATTERS])


def first_sentence(text: str) -> str | None:
    """The first sentence once it is complete, else None."""
    found = sentences(text)
    complete = len(found) > 1 or text.rstrip().endswith((".", "!", "?"))
    return found[0] if found and complete else None


def may_be_said(sentence: str) -> bool:
    """Whether a sentence of the model holds no fact, promise, name or role."""
    return _NEVER_SAID.search(sentence.replace("\u2019", "'")) is None


def _nearness(vectors: Matrix, examples: Matrix) -> Matrix:
    return np.asarray(np.sort(vectors @ examples.T, axis=1)[:, -_NEAREST:].mean(axis=1), np.float32)
