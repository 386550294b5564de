"""The conversation so far, followed turn by turn, and what to do next: the same turns give the same answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from media.speech.interfaces import ToolSpec
from media.speech.local.dialogue import knowledge, offers, replies
from media.speech.local.dialogue.offers import END_CALL, TRANSFER_CALL, Offer
from media.speech.local.dialogue.phrases import Moment, clauses, moments_in
from media.speech.local.dialogue.prompt import Fact
from media.speech.local.dialogue.slots import Slot, find, slots_of
from media.speech.local.dialogue.text import subject
from media.speech.local.minilm import SentenceEncoder
from sovereign.kernel import clock

_PLACE = re.compile(r"\b(\d+): ([^;]+)")
"""The destinations as the platform's transfer tool describes them: "1: sales; 2: support"."""


@dataclass(frozen=True)
class Reply:
    """What the assistant says, and the tool it wants run after saying it.

    `apt` is False for a set phrase said because neither the instructions nor the tools had anything that fits.
    """

    text: str
    tool: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    apt: bool = True


@dataclass(frozen=True)
class Errand:
    """A tool the caller asked for, while its parameters are being collected."""

    offer: Offer
    values: Mapping[str, Any]
    asked: Slot | None = None

    @property
    def missing(self) -> Slot | None:
        """The first required parameter without a value."""
        return next((slot for slot in self.offer.required if slot.name not in self.values), None)


class Conversation:
    """What the assistant knows and offers, and where the conversation stands."""

    def __init__(
        self, facts: Sequence[Fact], identity: str | None, tools: Sequence[ToolSpec], encoder: SentenceEncoder
    ) -> None:
        self._facts = facts
        self._identity = identity
        self._tools = {tool.name: tool for tool in tools}
        self._offers = offers.offers_of(tools)
        self._encoder = encoder
        self._errand: Errand | None = None
        self._caller_name: str | None = None
        self._offered_more = False
        self._last_said = ""

    def assistant_said(self, text: str, tool_called: str | None) -> None:
        """Follow what the assistant really said (an interruption may have cut it) and the tool it had run."""
        if tool_called:
            self._errand = None
        if text:
            self._last_said = text
            self._offered_more = "anything else" in text.lower()

    def caller_said(self, turn: str) -> Reply:
        """Follow a turn of the caller and say what to answer."""
        moments = moments_in(turn)
        self._remember_name(turn)
        if "opt_out" in moments:
            return self._end(replies.OPTED_OUT)
        if self._errand and (reply := self._go_on(turn, moments)):
            return reply
        return self._start(turn, moments)

    def tool_answered(self, content: str, arguments: Mapping[str, Any]) -> Reply:
        """Tell the caller what a tool's result says."""
        return Reply(replies.tool_outcome(content, arguments))

    def _start(self, turn: str, moments: list[Moment]) -> Reply:
        parts = clauses(turn)
        if "person" in moments:
            return self._transfer(turn)
        offer, offer_fit, asking = self._best_offer(parts)
        said, sure = self._answer(parts)
        if offer and offer_fit >= offers.THRESHOLD and offer_fit > sure:
            # a question in the same breath as the wish is answered on the way
            told, known = self._answer([part for part in parts if part != asking])
            values = {**self._known(offer), **self._values(offer, turn)}
            return self._run_errand(Errand(offer, values), told if known else "")
        if said and not ("goodbye" in moments and sure < offers.THRESHOLD + 0.2):
            return Reply(said)
        return self._by_moment(moments, parts) or Reply(self._unknown(parts), apt=not parts)

    def _best_offer(self, parts: list[str]) -> tuple[Offer | None, float, str]:
        fits = [(offers.fit(o, part, self._encoder), o, part) for o in self._offers for part in parts]
        best, offer, part = max(fits, key=lambda entry: entry[0], default=(0.0, None, ""))
        return offer, best, part

    def _answer(self, parts: list[str]) -> tuple[str, float]:
        found, best = list[Fact](), 0.0
        for part in parts:
            facts, sure = knowledge.answers(part, self._facts, self._encoder)
            found += [fact for fact in facts if fact not in found]
            best = max(best, sure if facts else 0.0)
        return " ".join(fact.text for fact in found), best

    def _go_on(self, turn: str, moments: list[Moment]) -> Reply | None:
        """Collect more for the errand; None when the turn is about something else."""
        errand = self._errand
        assert errand is not None  # noqa: S101 - asked by the only caller
        found = self._values(errand.offer, turn, errand.asked)
        if errand.asked and errand.asked.kind == "text" and self._is_other(turn, moments):
            found.pop(errand.asked.name, None)
        if found:
            return self._run_errand(replace(errand, values={**errand.values, **found}))
        if "cancel" in moments or moments[:1] == ["no"]:
            self._errand = None
            return Reply(f"{replies.DROPPED} {replies.ANYTHING_ELSE}")
        if {"goodbye", "person"} & set(moments):
            self._errand = None
            return None
        said, _ = self._answer(clauses(turn))
        question = errand.asked.question if errand.asked else ""
        return Reply(f"{said} {question}".strip() if said else f"I am sorry, I did not get that. {question}".strip())

    def _is_other(self, turn: str, moments: list[Moment]) -> bool:
        other = {"cancel", "goodbye", "person", "repeat", "wait"} & set(moments)
        return bool(other) or (turn.rstrip().endswith("?") and bool(self._answer([turn])[0]))

    def _values(self, offer: Offer, turn: str, asked: Slot | None = None) -> dict[str, Any]:
        today = clock.utc_now().date()
        found = {slot.name: find(slot, turn, today, asked=slot == asked) for slot in offer.slots}
        return {name: value for name, value in found.items() if value is not None}

    def _known(self, offer: Offer) -> dict[str, Any]:
        """A caller who said who they are is not asked again."""
        return {slot.name: self._caller_name for slot in offer.slots if slot.kind == "name" and self._caller_name}

    def _remember_name(self, turn: str) -> None:
        slot = Slot("name", "name", {}, required=True)
        self._caller_name = find(slot, turn, clock.utc_now().date()) or self._caller_name

    def _run_errand(self, errand: Errand, before: str = "") -> Reply:
        missing = errand.missing
        if missing is None:
            self._errand = None
            return Reply(f"{before} One moment, please.".strip(), errand.offer.tool.name, dict(errand.values))
        self._errand = replace(errand, asked=missing)
        return Reply(f"{before} {missing.question}".strip())

    def _transfer(self, turn: str) -> Reply:
        tool = self._tools.get(TRANSFER_CALL)
        if tool is None:
            return Reply(replies.no_person(self._facts, self._offers))
        return Reply(replies.TRANSFERRING, tool.name, _destination(tool, turn))

    def _end(self, farewell: str) -> Reply:
        return Reply(farewell, END_CALL if END_CALL in self._tools else None)

    def _by_moment(self, moments: list[Moment], parts: list[str]) -> Reply | None:
        declined = moments[:2] == ["thanks", "no"] or (self._offered_more and moments[:1] == ["no"])
        if "goodbye" in moments or declined:
            return self._end(replies.FAREWELL)
        said: dict[Moment, str] = {
            "repeat": self._last_said or replies.GREETING,
            "robot": replies.identity(self._identity),
            "identity": replies.identity(self._identity),
            "abilities": replies.abilities(self._facts, self._offers),
            "listening": replies.LISTENING,
            "wait": replies.GO_AHEAD,
            "cancel": f"{replies.DROPPED} {replies.ANYTHING_ELSE}",
            "thanks": f"{replies.WELCOME} {replies.ANYTHING_ELSE}",
            "no": f"All right. {replies.ANYTHING_ELSE}",
            "yes": "What can I do for you?",
            "greeting": replies.GREETING,
        }
        # "Hello, how are you?" is more than a greeting
        return next((Reply(said[m], apt=m != "greeting" or not parts) for m in moments if m in said), None)

    def _unknown(self, parts: list[str]) -> str:
        if not parts:
            return "How can I help you?"
        return replies.not_known(self._facts, self._offers)


def _destination(tool: ToolSpec, turn: str) -> dict[str, Any]:
    """The transfer's required parameters: the choice that the turn or the tool's description names, else the first."""
    places = {int(place): subject(words) for place, words in _PLACE.findall(tool.description)}
    wanted = subject(turn)
    chosen = dict[str, Any]()
    for slot in (slot for slot in slots_of(tool.parameters) if slot.required):
        options: Sequence[Any] = slot.schema.get("enum") or sorted(places) or [turn]
        named = max(options, key=lambda option: len(places.get(option, subject(str(option))) & wanted))
        chosen[slot.name] = named
    return chosen
