"""Writes a call's end, and what is left of its transcript, until the table takes them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import chain, repeat

from aws_lambda_powertools import Logger

from media.calls.journal import Batch
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.model import CallOutcome, CallRef
from sovereign.calls.store import CallStore

__all__ = ["FINISH_PAUSES_SECONDS", "TRANSCRIPT_PAUSES_SECONDS", "EndOfCall", "endless"]

FINISH_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 120.0)
"""Between attempts to write a call's end, the last one over and over: nothing else ends a row of a node that lives."""
TRANSCRIPT_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Between attempts to write what is left of the transcript before the end, with which its summary begins; no longer,
because a call must be terminal soon whatever becomes of its transcript."""

Run = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs what blocks."""

logger = Logger(child=True)


def endless(pauses: Sequence[float]) -> Iterable[float]:
    """The pauses, then the last one over and over."""
    return chain(pauses, repeat(pauses[-1]))


class EndOfCall:
    """The last writes of one call. `unwritten` are the batches its journal could not store."""

    def __init__(self, calls: CallStore, run: Run, ref: CallRef, unwritten: Sequence[Batch] = ()) -> None:
        self._calls = calls
        self._run = run
        self._ref = ref
        self._unwritten = list(unwritten)

    async def write(self, outcome: CallOutcome) -> None:
        """The rest of the transcript, then the end; a transcript that could not wait any longer comes after it."""
        await self._persist_transcript()
        await self._persist(partial(self._finish, outcome), endless(FINISH_PAUSES_SECONDS))
        logger.info("call_ended", call_id=self._ref.call_id, end_reason=outcome.end_reason.value)
        if not await self._persist_transcript():
            logger.error("transcript_not_written", call_id=self._ref.call_id, batches=len(self._unwritten))

    async def _persist_transcript(self) -> bool:
        return not self._unwritten or await self._persist(self._write_transcript, TRANSCRIPT_PAUSES_SECONDS)

    def _finish(self, outcome: CallOutcome) -> None:
        try:
            self._calls.lifecycle.finish(self._ref, outcome)
        except CallNotFoundError:  # its organization was deleted meanwhile
            logger.warning("call_to_end_not_found", call_id=self._ref.call_id)

    def _write_transcript(self) -> None:
        while self._unwritten:
            self._calls.content.append_messages(self._ref, *self._unwritten[0])
            del self._unwritten[0]

    async def _persist(self, write: Callable[[], object], pauses: Iterable[float]) -> bool:
        """Do a write until it succeeds, with these pauses in between; False when it never did."""
        for pause in chain(pauses, (None,)):
            try:
                await self._run(write)
                return True
            except Exception:
                logger.exception("end_of_call_not_written", call_id=self._ref.call_id, retry_seconds=pause)
            if pause is not None:
                await asyncio.sleep(pause)
        return False
