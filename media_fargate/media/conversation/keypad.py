"""Keys the caller presses, gathered into one entry."""

import asyncio
from collections.abc import Callable

ENTRY_SECONDS = 2.0
"""After this long without another key the entry is complete; `#` completes it at once."""


class Keypad:
    """Calls `entered` with the keys of one entry, without the closing `#`; an empty entry is dropped."""

    def __init__(self, entered: Callable[[str], None]) -> None:
        self._entered = entered
        self._loop = asyncio.get_running_loop()
        self._digits = ""
        self._timer: asyncio.TimerHandle | None = None

    def press(self, digit: str) -> None:
        """A key was pressed."""
        self.close()
        if digit == "#":
            self._complete()
            return
        self._digits += digit
        self._timer = self._loop.call_later(ENTRY_SECONDS, self._complete)

    def close(self) -> None:
        """Stop waiting for more keys; what was pressed stays until the next key."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _complete(self) -> None:
        digits, self._digits = self._digits, ""
        if digits:
            self._entered(digits)
