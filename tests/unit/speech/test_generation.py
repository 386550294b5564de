"""The queue before the generating model, with a model that does what the test tells it."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing

import pytest

from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.local.generation import MOST_WAITING, SLOTS, Generator

USED = ProviderUsage(input_tokens=3, output_tokens=2, cost_usd=0.0)
WAIT = 5.0


class Scripted:
    """Says two words, the second when it is let; notes who was asked and who was stopped."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked: list[str] = []
        self.stopped: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def answer(
        self, turns: Sequence[tuple[str, str]], temperature: float, take: Callable[[str], bool]
    ) -> ProviderUsage:
        name = turns[-1][1]
        with self._lock:
            self.asked.append(name)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            for word in ("Hello", " there."):
                if take(word):
                    self.stopped.append(name)
                    break
                assert self.go_on.wait(WAIT)
        finally:
            with self._lock:
                self.at_once -= 1
        return USED


@pytest.fixture
def model() -> Scripted:
    return Scripted()


async def all_of(generator: Generator, name: str) -> list[str | ProviderUsage]:
    return [piece async for piece in generator.stream([("user", name)], 0.7)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.001)


async def test_pieces_come_as_they_are_made_and_figures_last(model: Scripted) -> None:
    generator = Generator(lambda: model)
    async with aclosing(generator.stream([("user", "a")], 0.7)) as pieces:
        assert await anext(pieces) == "Hello"
        model.go_on.set()
        assert [piece async for piece in pieces] == [" there.", USED]


async def test_answers_beyond_the_slots_wait_their_turn(model: Scripted) -> None:
    generator = Generator(lambda: model)
    async with asyncio.TaskGroup() as group:
        answers = [group.create_task(all_of(generator, str(n))) for n in range(SLOTS + 2)]
        await until(lambda: len(model.asked) == SLOTS)
        model.go_on.set()
    assert [answer.result() for answer in answers] == [["Hello", " there.", USED]] * (SLOTS + 2)
    assert model.most_at_once == SLOTS
    assert sorted(model.asked[:SLOTS]) == ["0", "1"]


async def test_more_than_may_wait_are_refused_and_may_try_again(model: Scripted) -> None:
    generator = Generator(lambda: model)
    async with asyncio.TaskGroup() as group:
        for n in range(SLOTS + MOST_WAITING):
            group.create_task(all_of(generator, str(n)))
        await until(lambda: len(model.asked) == SLOTS)
        with pytest.raises(ProviderError, match="too many answers") as refused:
            await all_of(generator, "late")
        model.go_on.set()
    assert refused.value.retryable
    assert await all_of(generator, "again") == ["Hello", " there.", USED]


async def test_an_answer_nobody_listens_to_is_stopped_and_frees_its_slot(model: Scripted) -> None:
    generator = Generator(lambda: model)
    for name in ("a", "b"):
        async with aclosing(generator.stream([("user", name)], 0.7)) as pieces:
            await anext(pieces)
    model.go_on.set()
    assert await all_of(generator, "c") == ["Hello", " there.", USED]
    await until(lambda: sorted(model.stopped) == ["a", "b"])


async def test_an_answer_given_up_while_it_waits_is_never_made(model: Scripted) -> None:
    generator = Generator(lambda: model)
    async with asyncio.TaskGroup() as group:
        for name in ("a", "b"):
            group.create_task(all_of(generator, name))
        await until(lambda: len(model.asked) == SLOTS)
        waiting = asyncio.create_task(all_of(generator, "c"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        model.go_on.set()
    assert waiting.cancelled()
    assert sorted(model.asked) == ["a", "b"]


async def test_a_model_that_cannot_be_loaded_fails_each_answer_and_is_tried_again(model: Scripted) -> None:
    tries: list[None] = []

    def load() -> Scripted:
        tries.append(None)
        if len(tries) < 3:
            raise ProviderError("local", "not installed", retryable=False)
        return model

    model.go_on.set()
    generator = Generator(load)
    generator.prepare()
    with pytest.raises(ProviderError, match="not installed"):
        await all_of(generator, "a")
    assert await all_of(generator, "b") == ["Hello", " there.", USED]
    assert len(tries) == 3
