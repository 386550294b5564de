"""Virtual time in which several things go on at once: tasks are greenlets; one of them runs until it sleeps or ends."""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

from greenlet import getcurrent, greenlet

from tests.component.campaigns.simulation.chances import CrashError


class VirtualTime:
    """`now` moves on when nobody has anything to do any more."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._made = 0
        self._asleep: set[greenlet] = set()

    @property
    def next_at(self) -> datetime | None:
        """When something is going to happen; None: never again."""
        return self._events[0][0] if self._events else None

    @property
    def in_task(self) -> bool:
        """Whether who asks may sleep while others go on."""
        return getcurrent().parent is not None

    def after(self, seconds: float, happen: Callable[[], object]) -> None:
        """Let something happen later."""
        self._made += 1
        heapq.heappush(self._events, (self.now + timedelta(seconds=seconds), self._made, happen))

    def start(self, work: Callable[[], object]) -> None:
        """Do something that may sleep while other things go on; returns when it first sleeps, or is done."""
        greenlet(work).switch()

    def sleep(self, seconds: float) -> None:
        """A task lets the others go on; without a task, what is due meanwhile happens."""
        if self.in_task:
            self._give_way(seconds)
            return
        until = self.now + timedelta(seconds=seconds)
        while self._events and self._events[0][0] <= until:
            moment, _, happen = heapq.heappop(self._events)
            self.now = max(self.now, moment)
            happen()
        self.now = max(self.now, until)

    def end(self) -> None:
        """Stop the tasks that are asleep."""
        while self._asleep:
            self._asleep.pop().throw(CrashError)

    def _give_way(self, seconds: float) -> None:
        task = getcurrent()
        self.after(seconds, lambda: self._wake(task))
        self._asleep.add(task)
        assert task.parent is not None
        task.parent.switch()

    def _wake(self, task: greenlet) -> None:
        if task in self._asleep:
            self._asleep.remove(task)
            task.parent = getcurrent()
            task.switch()
