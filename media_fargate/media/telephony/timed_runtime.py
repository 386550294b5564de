"""The SIP stack's runtime, telling also when an event happened: the event loop may get round to it later."""

import asyncio
import time
from typing import Any

from baresip.runtime import Runtime

__all__ = ["TimedRuntime"]


class TimedRuntime(Runtime):  # type: ignore[misc]  # the library is not typed
    """`happened_at` is the moment (seconds, monotonic) of the event that listeners are being told of."""

    def __init__(self) -> None:
        super().__init__()
        self.happened_at = 0.0

    async def cmd(self, *arguments: Any, **named: Any) -> Any:
        """As the library's, which waits by `asyncio.wait_for`: that of Python 3.11 gives the answer where it comes with
        a cancellation, and whoever cancelled would wait for ever."""
        cancellations = _cancellations()
        answer = await super().cmd(*arguments, **named)
        if _cancellations() > cancellations:
            raise asyncio.CancelledError
        return answer

    def _on_native_event(self, ev: int, handle: int, payload: bytes | None) -> None:
        # on the stack's own thread, as it happens
        self._call_threadsafe(self._dispatch_timed, time.monotonic(), ev, handle, payload)

    def _dispatch_timed(self, at: float, ev: int, handle: int, payload: bytes | None) -> None:
        self.happened_at = at
        self._dispatch(ev, handle, payload)


def _cancellations() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0
