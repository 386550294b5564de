"""Text of the generating model for many calls: off the event loop, a bounded queue, stopped when nobody listens."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

from media.speech.interfaces import ProviderError, ProviderUsage

SLOTS = 2
"""Answers made at once; their tokens take turns on the model's one thread."""
MOST_WAITING = 8
"""Answers that may wait for a slot; a caller behind them would hear nothing for too long."""


class TextModel(Protocol):
    """What answers; blocks, and may be called by `SLOTS` threads at once."""

    def answer(
        self, turns: Sequence[tuple[str, str]], temperature: float, take: Callable[[str], bool]
    ) -> ProviderUsage:
        """Answer the last of (role, text) turns; `take` gets the text as it is made and returns whether to stop."""


class Generator:
    """One per process: `SLOTS` answers at a time, the others in the order in which they were asked for."""

    def __init__(self, load: Callable[[], TextModel]) -> None:
        self._load = load
        self._model: TextModel | None = None
        self._loading = threading.Lock()
        self._pool = ThreadPoolExecutor(SLOTS, thread_name_prefix="text-model")
        self._asked = 0

    def prepare(self) -> None:
        """Begin to load the model if that has not been done; returns at once, and who streams waits for the rest."""
        if self._model is None:
            self._pool.submit(self._ready)

    async def stream(
        self, turns: Sequence[tuple[str, str]], temperature: float
    ) -> AsyncGenerator[str | ProviderUsage, None]:
        """The answer to the last turn piece by piece, then its figures. Raises ProviderError.

        Closing it early takes the request out of the queue, or stops the model at its next token.
        """
        if self._asked >= SLOTS + MOST_WAITING:
            raise ProviderError("local", "too many answers are being waited for", retryable=True)
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        stopped = threading.Event()

        def take(text: str) -> bool:
            _tell(loop, pieces.put_nowait, text)
            return stopped.is_set()

        def ended(_: "Future[ProviderUsage]") -> None:
            _tell(loop, self._ended, pieces)

        self._asked += 1
        answer = self._pool.submit(lambda: self._ready().answer(turns, temperature, take))
        answer.add_done_callback(ended)
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            yield answer.result()
        finally:
            stopped.set()
            answer.cancel()

    def _ready(self) -> TextModel:
        with self._loading:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _ended(self, pieces: "asyncio.Queue[str | None]") -> None:
        self._asked -= 1
        pieces.put_nowait(None)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: Any) -> None:
    """Call on the event loop; one that is closed has no more callers."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(what, *arguments)
