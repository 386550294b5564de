"""The SIP stack's runtime, telling also when an event happened: the event loop may get round to it later."""

import time

from baresip.runtime import Runtime

__all__ = ["TimedRuntime"]


class TimedRuntime(Runtime):  # type: ignore[misc]  # the library is not typed
    """`happened_at` is the moment (seconds, monotonic) of the event that listeners are being told of."""

    def __init__(self) -> None:
        super().__init__()
        self.happened_at = 0.0

    def _on_native_event(self, ev: int, handle: int, payload: bytes | None) -> None:
        # on the stack's own thread, as it happens
        self._call_threadsafe(self._dispatch_timed, time.monotonic(), ev, handle, payload)

    def _dispatch_timed(self, at: float, ev: int, handle: int, payload: bytes | None) -> None:
        self.happened_at = at
        self._dispatch(ev, handle, payload)
