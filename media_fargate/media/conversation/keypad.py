"""Keys the caller presses, gathered into one entry."""

import asyncio
from collections.abc import Callable

from media.telephony.leg import LegDigit

ENTRY_SECONDS = 2.0
"""After this long without another key the entry is complete; `#` completes it at once."""


class Keypad:
    """Calls `entered` with the keys of one entry, without the closing `#`; an empty entry is dropped.

    Keys are told by the line, or else found in the sound: from the first that the line tells only those count, so that
    none counts twice.
    """

    def __init__(self, entered: Callable[[str], None]) -> None:
        self._entered = entered
        self._loop = asyncio.get_running_loop()
        self._digits = ""
        self._timer: asyncio.TimerHandle | None = None
        self.found_in_audio = True

    @property
    def entering(self) -> bool:
        """Whether an entry has begun and is not complete."""
        return self._timer is not None

    def counts(self, key: LegDigit) -> bool:
        """Whether a key is a press that was not told already."""
        self.found_in_audio = self.found_in_audio and key.in_audio
        return self.found_in_audio or not key.in_audio

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
        self.close()
        digits, self._digits = self._digits, ""
        if digits:
            self._entered(digits)
