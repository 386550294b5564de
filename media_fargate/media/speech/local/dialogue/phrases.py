"""What callers say to any assistant, whatever its business: greetings, thanks, goodbyes and the like."""

import re
from typing import Literal

from media.speech.local.dialogue.text import sentences

Moment = Literal[
    "greeting", "goodbye", "thanks", "person", "repeat", "identity", "robot", "abilities", "listening", "wait",
    "opt_out", "yes", "no", "cancel",
]  # fmt: skip

_WORDINGS: dict[Moment, str] = {
    "opt_out": r"\b(?:stop calling|do(?:n't| not) call (?:me|us|again|this)|take me off|remove (?:me|my number))\b",
    "person": (
        r"\b(?:speak|talk|transfer|connect|put)\b.*\b(?:person|human|someone|somebody|agent|representative|operator"
        r"|colleague|manager|employee|staff|receptionist|real)\b|\b(?:human|real person|live agent)\b"
    ),
    "goodbye": (
        r"\b(?:good ?bye|bye|see you|have a (?:nice|good|great)|hang up|end the call)\b"
        r"|\bthat(?:'s| is| was|'ll be| will be) (?:all|it|everything)\b|\bnothing (?:else|more)\b"
        r"|\bno more questions\b"
    ),
    "repeat": r"\b(?:repeat|say (?:that|it) again|pardon|come again|did(?:n't| not) (?:hear|catch|understand))\b",
    "robot": r"\bare you (?:a |an )?(?:robot|bot|machine|computer|ai|real|human|recording)\b",
    "identity": r"\b(?:who are you|who is this|who am i (?:speaking|talking) (?:to|with)|what is your name)\b",
    "abilities": r"\b(?:what can you (?:do|help)|how can you help|what can i ask|can you help)\b",
    "listening": r"^(?:mhm+|mm+|uh huh|aha|i see|hm+)\W*$",
    "wait": (
        r"\b(?:one (?:more )?(?:moment|second|minute|question|thing)|wait"
        r"|hold on|hang on|(?:a|another) question)\b(?! (?:about|on|regarding))"
    ),
    "cancel": r"\b(?:never ?mind|forget (?:it|about it|that)|leave it|(?:don't|do not) bother|changed my mind)\b",
    "thanks": r"\b(?:thanks|thank you)\b",
    "no": r"^(?:no|nope|nah|not really|no thanks|no thank you)\b",
    "yes": r"^(?:yes|yeah|yep|yup|sure|correct|right|exactly|please do|of course|ok|okay|alright)\b",
    "greeting": r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening|day))\b",
}
_PATTERNS = {moment: re.compile(wording, re.IGNORECASE) for moment, wording in _WORDINGS.items()}
_OPENING = re.compile(
    r"^(?:(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|well|so|um+|uh+|okay|ok|yes|yeah|please|sorry"
    r"|excuse me|and|also|oh|right|great|thanks|thank you|wait|but|then)\b[\s,.!-]*)+",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r",?\s+(?:and|but)\s+(?=(?:how|what|when|where|who|which|is|are|do|does|can|could|i'd|i want)\b)", re.IGNORECASE
)
_QUESTION = re.compile(
    r"\?\s*$|^(?:what|when|where|which|who|how|why|is|are|do|does|did|can you tell|could you tell|tell me|will"
    r"|would you)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"\b(?:i(?:'d| would) like|i want|i need|i(?:'m| am) (?:calling|looking) to|can (?:i|we|you)|could (?:i|we|you)"
    r"|may i|let me|let's|please|i(?:'d| would) love|is it possible|i wish)\b",
    re.IGNORECASE,
)
_INFORMATION = re.compile(r"\b(?:tell me|know|what|when|where|how|which)\b", re.IGNORECASE)


def moments_in(turn: str) -> list[Moment]:
    """Which of these a turn holds, the most telling first."""
    said = turn.replace("\u2019", "'").replace("-", " ").strip()
    return [moment for moment, pattern in _PATTERNS.items() if pattern.search(said)]


def clauses(turn: str) -> list[str]:
    """The parts of a turn that may each ask for something of their own, without greetings and fillers."""
    parts = [clause for sentence in sentences(turn) for clause in _CLAUSE.split(sentence)]
    return [part for part in map(without_opening, parts) if part]


def without_opening(sentence: str) -> str:
    """A sentence without greetings and fillers before what it is about; "" when there is nothing else."""
    return _OPENING.sub("", sentence).strip()


def is_question(sentence: str) -> bool:
    """Whether a sentence asks for information."""
    return bool(_QUESTION.search(without_opening(sentence) or sentence))


def is_request(sentence: str) -> bool:
    """Whether a sentence asks for something to be done rather than told."""
    return bool(_REQUEST.search(sentence)) and not _INFORMATION.search(sentence)
