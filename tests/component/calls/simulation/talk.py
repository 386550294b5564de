"""A conversation as the table sees it: the real journal and the real watch over its minutes, nobody speaks."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any, Protocol

from media.calls.bridge import tell_transferred
from media.calls.credit_watch import CreditWatch
from media.calls.journal import Batch, Journal
from media.running_call import Conversation
from media.telephony.leg import LegClosed
from sovereign.calls.model import CallOutcome, EndReason
from sovereign.calls.store import CallStore
from sovereign.credits.store import CreditStore
from sovereign.kernel.clock import Clock
from tests.unit.media_process.scripted import Leg

_OWN_ENDS = (EndReason.ASSISTANT_HANGUP, EndReason.MAX_DURATION, EndReason.VOICEMAIL, EndReason.PROVIDER_ERROR)
_APOLOGY_SECONDS = 4.0


class Carrier(Protocol):
    """The node's side of a conversation."""

    chance: Random
    clock: Clock
    credits: CreditStore

    @property
    def calls(self) -> CallStore: ...


class Talk:
    """From the answer to the end, whoever ends it; handed over to a second leg now and then."""

    def __init__(self, node: Carrier, conversation: Conversation, leg: Leg) -> None:
        self._node, self._conversation, self._leg = node, conversation, leg
        self._ended: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()
        self.unwritten: Sequence[Batch] = ()

    async def run(self) -> CallOutcome:
        chance, ref = self._node.chance, self._conversation.ref
        journal = Journal(ref, self._node.calls.content.append_messages)
        lasts = chance.uniform(1, 400 if chance.random() < 0.2 else 90)
        work = [self._watch_leg(), self._speak(journal), self._end_after(lasts)]
        if self._conversation.metered:
            watch = CreditWatch(ref.call_id, self._extend)
            work.append(watch.run(lambda: None, lambda: self._end(EndReason.CREDITS_EXHAUSTED)))
        tasks = [asyncio.create_task(part) for part in work]
        try:
            reason = await self._ended
        finally:
            for task in tasks:
                task.cancel()
        transfer = None
        if reason is EndReason.ASSISTANT_HANGUP and chance.random() < 0.3:
            reason, transfer = EndReason.TRANSFERRED, {"destination": "+31201234567", "outcome": "succeeded"}
            told = asyncio.create_task(tell_transferred(ref, transfer, self._node.calls.lifecycle.mark_transferred))
            await asyncio.sleep(chance.uniform(1, 120))
            told.cancel()
            await asyncio.wait([told])
        ended_at = self._node.clock()
        self.unwritten = await journal.close()
        return CallOutcome(end_reason=reason, ended_at=ended_at, transfer=transfer)

    def stop(self, reason: EndReason) -> None:
        asyncio.get_running_loop().call_later(_APOLOGY_SECONDS, self._end, reason)

    async def command(self, command: Any) -> None:
        raise AssertionError("nobody commands here")

    async def _extend(self, minutes: int) -> bool:
        ref = self._conversation.ref
        return await asyncio.to_thread(self._node.credits.extend, ref.org_id, ref.call_id, minutes=minutes)

    async def _watch_leg(self) -> None:
        while not isinstance(await self._leg.events.get(), LegClosed):
            pass
        self._end(EndReason.USER_HANGUP)

    async def _speak(self, journal: Journal) -> None:
        while True:
            journal.add("assistant", "Good day, how can I help?")
            await asyncio.sleep(self._node.chance.uniform(4, 20))
            journal.add("user", "I would like to make an appointment.")
            await asyncio.sleep(self._node.chance.uniform(1, 10))

    async def _end_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._end(self._node.chance.choice(_OWN_ENDS))

    def _end(self, reason: EndReason) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)
