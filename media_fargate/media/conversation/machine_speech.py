"""Telling an answering machine from a person by what it says."""

from dataclasses import dataclass

from media.conversation.spoken_phrases import Phrases, fold
from media.conversation.voicemail_phrases import MACHINES, Machine

_ENOUGH_LIKELY = 2


@dataclass(frozen=True)
class _Rules:
    sure: Phrases
    likely: Phrases
    person: Phrases
    asked: Phrases

    def match(self, folded: str) -> bool:
        told = self.asked.without(folded)
        if self.sure.count(told):
            return True
        return not self.person.count(folded) and self.likely.count(told) >= _ENOUGH_LIKELY


def _rules(machine: Machine) -> _Rules:
    borders = machine.word_borders
    groups = (machine.sure, machine.likely, machine.person, machine.asked)
    sure, likely, person, asked = (Phrases(patterns, word_borders=borders) for patterns in groups)
    return _Rules(sure, likely, person, asked)


_RULES = [_rules(machine) for machine in MACHINES.values()]


def is_machine_speech(text: str) -> bool:
    """Whether a text (the beginning will do) is an answering machine's, in any of the languages."""
    folded = fold(text)
    return any(rules.match(folded) for rules in _RULES)
