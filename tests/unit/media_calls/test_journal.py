"""The journal writes everything once, in order, without keeping the call waiting."""

import asyncio
from collections.abc import Sequence

from media.calls.journal import BATCH_SECONDS, CLOSE_SECONDS, Batch, Journal
from sovereign.calls.model import CallRef, Message
from tests.virtual_time import run_virtual

REF = CallRef("org", "call", 1)


class Store:
    def __init__(self, failures: int = 0) -> None:
        self.batches: list[tuple[int, list[str]]] = []
        self.failures = failures
        self.attempts: list[tuple[int, list[str]]] = []

    def write(self, ref: CallRef, number: int, messages: Sequence[Message]) -> None:
        entry = (number, [message.content for message in messages])
        self.attempts.append(entry)
        if len(self.attempts) <= self.failures:
            raise ConnectionError
        self.batches.append(entry)


def test_messages_are_batched_while_the_call_runs() -> None:
    async def program() -> list[tuple[int, list[str]]]:
        store = Store()
        journal = Journal(REF, store.write)
        for at in range(3):
            journal.add("user", str(at))
            await asyncio.sleep(0.5)
        await asyncio.sleep(BATCH_SECONDS)
        written = list(store.batches)
        await journal.close()
        return written

    assert run_virtual(program()) == [(0, ["0", "1", "2"])]


def test_the_end_of_the_call_writes_the_rest_at_once() -> None:
    async def program() -> tuple[float, Store]:
        store = Store()
        journal = Journal(REF, store.write)
        journal.add("user", "hello")
        await asyncio.sleep(0.1)
        assert await journal.close() == []
        return asyncio.get_running_loop().time(), store

    ended, store = run_virtual(program())
    assert ended < 0.2
    assert store.batches == [(0, ["hello"])]


def test_a_failed_batch_is_repeated_unchanged_under_its_number() -> None:
    async def program() -> Store:
        store = Store(failures=2)
        journal = Journal(REF, store.write)
        journal.add("user", "a")
        await asyncio.sleep(BATCH_SECONDS + 0.01)
        journal.add("user", "b")
        await asyncio.sleep(30)
        await journal.close()
        return store

    store = run_virtual(program())
    assert store.attempts[:3] == [(0, ["a"])] * 3
    assert store.batches == [(0, ["a"]), (1, ["b"])]


def test_closing_is_bounded_and_hands_back_what_was_not_written() -> None:
    async def program() -> tuple[float, Sequence[Batch]]:
        journal = Journal(REF, Store(failures=10**6).write)
        journal.add("user", "a")
        await asyncio.sleep(BATCH_SECONDS + 0.1)
        journal.add("assistant", "b")
        lost = await journal.close()
        return asyncio.get_running_loop().time(), lost

    ended, lost = run_virtual(program())
    assert ended <= BATCH_SECONDS + CLOSE_SECONDS + 0.3
    # the batch whose write may still be on its way keeps its number and its messages
    assert lost == [Batch(0, [Message("user", "a")]), Batch(1, [Message("assistant", "b")])]


def test_nothing_said_writes_nothing() -> None:
    async def program() -> Store:
        store = Store()
        await Journal(REF, store.write).close()
        return store

    assert run_virtual(program()).attempts == []
