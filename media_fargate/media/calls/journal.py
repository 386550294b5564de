"""Writes a call's transcript while it happens, so that a killed container loses at most the current turn."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aws_lambda_powertools import Logger

from sovereign.calls.model import CallRef, Message

BATCH_SECONDS = 2.0
_MOST_A_BATCH = 50
_LONGEST_RETRY_SECONDS = 10.0
CLOSE_SECONDS = 15.0
"""How long the end of a call may wait for the table."""

WriteMessages = Callable[[CallRef, int, Sequence[Message]], None]
"""Blocking; stores a batch under its number. The same number and messages may come again after a failure."""

logger = Logger(child=True)


class Batch(NamedTuple):
    """Messages that are stored together, under their number."""

    number: int
    messages: Sequence[Message]


class Journal:
    """Batches messages and writes them in a thread, in order; a batch is tried until it is written."""

    def __init__(self, ref: CallRef, write: WriteMessages) -> None:
        self._ref = ref
        self._write = write
        self._waiting: list[Message] = []
        self._batch: list[Message] = []
        self._number = 0
        self._closing = asyncio.Event()
        self._added = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def add(self, role: str, content: str) -> None:
        """Take a message; returns at once."""
        self._waiting.append(Message(role, content))
        self._added.set()

    async def close(self) -> Sequence[Batch]:
        """Write what is left, waiting at most 15 s; returns what could not be written, to be tried again later."""
        self._closing.set()
        self._added.set()
        _, late = await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
        if late:
            self._task.cancel()
            await asyncio.wait(late)
        # the batch that was being written keeps its number and messages: a write of it may still be on its way
        parts = [
            self._batch,
            *(self._waiting[at : at + _MOST_A_BATCH] for at in range(0, len(self._waiting), _MOST_A_BATCH)),
        ]
        unwritten = [Batch(number, part) for number, part in enumerate(filter(None, parts), self._number)]
        if unwritten:
            logger.warning("transcript_late", call_id=self._ref.call_id, batches=len(unwritten))
        return unwritten

    async def _run(self) -> None:
        while self._waiting or not self._closing.is_set():
            if not self._waiting:
                self._added.clear()
                await self._added.wait()
            await self._gather()
            self._batch = self._waiting[:_MOST_A_BATCH]
            del self._waiting[:_MOST_A_BATCH]
            if self._batch:
                await self._write_batch()

    async def _gather(self) -> None:
        """Let a batch fill for a moment, unless the call is ending."""
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _write_batch(self) -> None:
        pause = 0.2
        while True:
            try:
                await asyncio.to_thread(self._write, self._ref, self._number, self._batch)
            except Exception as failure:  # noqa: BLE001 - whatever it is, the transcript must not be lost to it
                logger.warning(
                    "transcript_write_failed", call_id=self._ref.call_id, exception_name=type(failure).__name__
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)
            else:
                self._number += 1
                self._batch = []
                return
