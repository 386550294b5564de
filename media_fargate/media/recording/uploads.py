"""Stores the segments of one call while it runs, without anybody waiting for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from aws_lambda_powertools import Logger

__all__ = ["PutSegment", "SegmentUploads"]

MOST_WAITING = 12
"""Two minutes of a storage that does not answer, 8 MB at the wideband rate; then the oldest is given up."""
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Between attempts to store one segment."""
CLOSE_SECONDS = 4.0
"""How long the end of a call may wait for its last segment; it is still tried afterwards."""

PutSegment = Callable[[int, bytes], None]
"""Blocking; stores the segment that begins with this frame. It may come again after a failure."""

logger = Logger(child=True)
_late: set[asyncio.Task[None]] = set()


@cache
def _threads() -> ThreadPoolExecutor:
    """Recordings wait in threads of their own: a storage that hangs must not keep transcripts from being written."""
    return ThreadPoolExecutor(4, thread_name_prefix="recordings")


class SegmentUploads:
    """One segment after the other, in a thread. A segment that cannot be stored is given up and logged: the recording
    has silence there."""

    def __init__(self, call_id: str, put: PutSegment) -> None:
        self._call_id = call_id
        self._put = put
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._added = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    @property
    def late(self) -> bool:
        """Whether, after `close`, segments are still to be stored."""
        return not self._task.done()

    def add(self, first_frame: int, pcm: bytes) -> None:
        """Take a segment; returns at once."""
        if len(self._waiting) >= MOST_WAITING:
            self._given_up(self._waiting.popleft()[0])
        self._waiting.append((first_frame, pcm))
        self._added.set()

    async def close(self) -> None:
        """Wait a few seconds for what is left; no segment follows."""
        self._closing = True
        self._added.set()
        _, late = await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        if late:
            logger.warning("recording_late", call_id=self._call_id, segments=len(self._waiting) + 1)
            _late.add(self._task)
            self._task.add_done_callback(_late.discard)

    async def _run(self) -> None:
        while self._waiting or not self._closing:
            if not self._waiting:
                self._added.clear()
                await self._added.wait()
                continue
            await self._store(*self._waiting.popleft())

    async def _store(self, first_frame: int, pcm: bytes) -> None:
        for pause in (*PAUSES_SECONDS, None):
            try:
                await asyncio.get_running_loop().run_in_executor(_threads(), self._put, first_frame, pcm)
                return
            except Exception as failure:  # noqa: BLE001 - whatever it is, the call goes on
                logger.warning("recording_write_failed", call_id=self._call_id, exception_name=type(failure).__name__)
            if pause is not None:
                await asyncio.sleep(pause)
        self._given_up(first_frame)

    def _given_up(self, first_frame: int) -> None:
        logger.error("recording_segment_lost", call_id=self._call_id, first_frame=first_frame)
