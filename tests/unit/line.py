"""A phone line whose buffer is played sample by sample in the loop's (virtual) time."""

import asyncio

import numpy as np

from media.telephony.leg import LegEvent, LegStats, TransferOutcome

RATE = 8000


class Line:
    """What was played when is in `played`, one sample each; silence where the buffer was empty. `brings` is what the
    next `read` returns."""

    id = "line"
    sample_rate = RATE

    def __init__(self) -> None:
        self.events: asyncio.Queue[LegEvent] = asyncio.Queue()
        self.brings = b""
        self.hung_up = False
        self.flushed: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._queue = bytearray()
        self._out = bytearray()

    @property
    def played(self) -> np.ndarray:
        self._play()
        return np.frombuffer(bytes(self._out), "<i2")

    def read(self) -> bytes:
        brought, self.brings = self.brings, b""
        return brought

    def write(self, pcm: bytes) -> int:
        self._play()
        taken = pcm[: max(0, 4 * RATE - len(self._queue))]
        self._queue += taken
        return len(taken)

    def flush(self) -> int:
        self._play()
        dropped = len(self._queue)
        self._queue.clear()
        self.flushed.append(dropped)
        return dropped

    def lose_buffer(self) -> None:
        """A renegotiated stream: what was queued is gone, and nobody says so."""
        self._play()
        self._queue.clear()

    @property
    def queued_bytes(self) -> int:
        self._play()
        return len(self._queue)

    def _play(self) -> None:
        until = round((self._loop.time() - self._began) * RATE) * 2
        due = until - len(self._out)
        self._out += bytes(self._queue[:due]).ljust(due, b"\0")
        del self._queue[:due]

    async def answer(self, *, encrypted_only: bool = False) -> None: ...

    async def reject(self) -> None: ...

    async def send_dtmf(self, digits: str) -> None: ...

    async def transfer(self, target: str, timeout_seconds: float = 30.0) -> TransferOutcome:
        return TransferOutcome.SUCCEEDED

    async def hang_up(self) -> None:
        self.hung_up = True

    def stats(self) -> LegStats:
        return LegStats()


def pcm(values: object) -> bytes:
    return np.asarray(values, "<i2").tobytes()
