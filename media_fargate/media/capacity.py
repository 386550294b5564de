"""How many calls this process carries and whether it takes more. A slot is reserved before the first await."""

import asyncio
from types import TracebackType

__all__ = ["Capacity", "Slot"]


class Slot:
    """One reserved call; releases itself at the end of a `with` block. Releasing twice is harmless."""

    def __init__(self, capacity: "Capacity") -> None:
        self._capacity: Capacity | None = capacity

    def release(self) -> None:
        """Give the place back."""
        if self._capacity:
            self._capacity.give_back()
            self._capacity = None

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Capacity:
    """Slots of a process. Used from the event loop only, so checking and taking are one step.

    `pause` and `resume` follow the heartbeat; `drain` is for good.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a process carries at least one call, not {limit}")
        self.limit = limit
        self.active = 0
        self._paused = False
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = asyncio.Event()

    @property
    def draining(self) -> bool:
        """Whether the process is going away."""
        return self._draining

    @property
    def accepting(self) -> bool:
        """Whether a call would be taken now."""
        return not self._paused and not self._draining and self.active < self.limit

    def reserve(self) -> Slot | None:
        """Take a place; None when the process is full, paused or draining."""
        if not self.accepting:
            return None
        self.active += 1
        self._idle.clear()
        self._busy.set()
        return Slot(self)

    def give_back(self) -> None:
        """A slot was released; called by `Slot` only."""
        self.active -= 1
        if self.active == 0:
            self._idle.set()
            self._busy.clear()

    def pause(self) -> None:
        """Take no calls until `resume`; running ones go on."""
        self._paused = True

    def resume(self) -> None:
        """Take calls again."""
        self._paused = False

    def drain(self) -> None:
        """Take no call ever again."""
        self._draining = True

    async def idle(self) -> None:
        """Wait until no call is left."""
        await self._idle.wait()

    async def busy(self) -> None:
        """Wait until there is a call."""
        await self._busy.wait()
