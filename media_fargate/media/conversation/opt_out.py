"""A caller who asks never to be called again: noticed, put on the do-not-call list, confirmed."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from media.conversation.opt_out_phrases import OPT_OUTS
from media.conversation.opt_out_phrases import OptOut as Language
from media.conversation.spoken_phrases import Phrases, fold

WRITE_SECONDS = 5.0
"""For one attempt to put the number on the list."""
_PAUSES = (0.2, 1.0, 3.0)
_SENTENCE = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]+")
_CLAUSE = re.compile(r"[,;:\u3001\u2014\u2013()\"]+|\s-\s")

logger = Logger(child=True)

ForbidCalls = Callable[[], Awaitable[None]]
"""Puts the number of this call on its organization's do-not-call list; doing it twice is no error."""


@dataclass(frozen=True)
class _Rules:
    confirmation: str
    asks: Phrases
    asks_alone: Phrases
    denies: Phrases
    for_now: Phrases

    def match(self, sentence: str, clauses: list[str]) -> bool:
        whole = self._means(self.asks, sentence) or self._means(self.asks_alone, sentence)
        return whole or any(self._means(self.asks, clause) for clause in clauses)

    def _means(self, asks: Phrases, words: str) -> bool:
        return bool(asks.count(words)) and not (self.denies.count(words) or self.for_now.count(words))


def _rules(language: Language) -> _Rules:
    groups = (language.asks, language.asks_alone, language.denies, language.for_now)
    asks, alone, denies, for_now = (Phrases(patterns, word_borders=language.word_borders) for patterns in groups)
    return _Rules(language.confirmation, asks, alone, denies, for_now)


_RULES = [_rules(language) for language in OPT_OUTS.values()]


def opt_out_confirmation(text: str) -> str | None:
    """What to confirm in the caller's language when they ask never to be called again; None when they do not."""
    for sentence in _SENTENCE.split(text):
        clauses = [fold(clause) for clause in _CLAUSE.split(sentence)]
        for rules in _RULES:
            if rules.match(fold(sentence), clauses):
                return rules.confirmation
    return None


class OptOut:
    """Watches one outbound call. `error` tells afterwards that the number could not be put on the list."""

    def __init__(self, forbid: ForbidCalls) -> None:
        self._forbid = forbid
        self._writing: asyncio.Task[None] | None = None
        self.error: str | None = None

    def asked(self, text: str) -> str | None:
        """What to confirm when the caller asks for it here; the number is then on its way to the list."""
        confirmation = opt_out_confirmation(text)
        if confirmation is not None and self._writing is None:
            # no task of the call's own: that would end with it
            self._writing = asyncio.create_task(self._write())
        return confirmation

    async def settled(self) -> None:
        """Return when the number is on the list, or was given up; at once when nobody asked."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        for pause in (0.0, *_PAUSES):
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await self._forbid()
            except Exception as failure:  # noqa: BLE001 - whatever it was, it is tried again
                logger.warning("opt_out_not_written", exception_name=type(failure).__name__)
            else:
                return
        self.error = "the number could not be put on the do-not-call list"
        logger.error("opt_out_given_up")
