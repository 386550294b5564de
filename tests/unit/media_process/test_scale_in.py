"""Protection is there before a call is answered, lasts as long as there are calls, and runs out by itself."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from media.capacity import Capacity
from media.ecs import ProtectionRefusedError
from media.scale_in import CONFIRM_SECONDS, PROTECTED_MINUTES, ScaleInProtection
from tests.virtual_time import run_virtual


class Task:
    """A task on virtual time; remembers when it was asked to be protected and until when it is."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.until = 0.0
        self.answers_after = 0.1
        self.refuses = False

    async def protect(self, minutes: int) -> None:
        self.asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.answers_after)
        if self.refuses:
            raise ProtectionRefusedError("DEPLOYMENT_BLOCKED")
        self.until = self.asked[-1] + 60 * minutes


Program = Callable[[Task, Capacity, ScaleInProtection], Coroutine[None, None, None]]


def play(program: Program) -> None:
    async def run() -> None:
        task, capacity = Task(), Capacity(4)
        protection = ScaleInProtection(task, capacity)
        running = asyncio.create_task(protection.run())
        try:
            await program(task, capacity, protection)
        finally:
            running.cancel()
            await asyncio.wait({running})

    run_virtual(run())


def test_idle_task_is_not_protected() -> None:
    async def program(task: Task, capacity: Capacity, protection: ScaleInProtection) -> None:
        await asyncio.sleep(3600)
        assert task.asked == []

    play(program)


def test_call_is_answered_after_the_confirmation_of_the_one_question() -> None:
    async def program(task: Task, capacity: Capacity, protection: ScaleInProtection) -> None:
        capacity.reserve()
        capacity.reserve()
        assert await asyncio.gather(protection.confirm(), protection.confirm()) == [True, True]
        assert task.until == PROTECTED_MINUTES * 60
        assert task.asked == [0]
        assert asyncio.get_running_loop().time() == pytest.approx(task.answers_after)

    play(program)


def test_next_call_waits_for_nothing_while_the_protection_lasts() -> None:
    async def program(task: Task, capacity: Capacity, protection: ScaleInProtection) -> None:
        await protection.confirm()
        now = asyncio.get_running_loop().time()
        assert await protection.confirm()
        assert asyncio.get_running_loop().time() == now

    play(program)


def test_protection_has_no_gap_during_a_long_call_and_ends_by_itself_after_it() -> None:
    async def program(task: Task, capacity: Capacity, protection: ScaleInProtection) -> None:
        loop, slot = asyncio.get_running_loop(), capacity.reserve()
        assert slot
        await protection.confirm()
        while loop.time() < 3600:
            assert task.until > loop.time() + 60
            await asyncio.sleep(1)
        slot.release()
        asked = len(task.asked)
        await asyncio.sleep(3600)
        assert len(task.asked) <= asked + 1
        assert task.until < 3600 + PROTECTED_MINUTES * 60 + 60

    play(program)


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_call_goes_on_when_nothing_is_confirmed_and_the_question_is_repeated(how: str) -> None:
    async def program(task: Task, capacity: Capacity, protection: ScaleInProtection) -> None:
        task.refuses = how == "refused"
        task.answers_after = 0.1 if how == "refused" else 60.0
        capacity.reserve()
        assert not await protection.confirm()
        assert asyncio.get_running_loop().time() <= CONFIRM_SECONDS
        task.refuses, task.answers_after = False, 0.1
        await asyncio.sleep(90)
        assert task.until > asyncio.get_running_loop().time()

    play(program)


def test_lapsed_protection_is_not_taken_for_one() -> None:
    async def program(task: Task, capacity: Capacity, protection: ScaleInProtection) -> None:
        await protection.confirm()
        await asyncio.sleep(PROTECTED_MINUTES * 60)
        task.refuses = True
        assert not await protection.confirm()

    play(program)
