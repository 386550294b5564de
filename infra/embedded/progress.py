"""What a person sees while the platform comes up."""

import sys
import time


class SetupError(RuntimeError):
    """The platform cannot be brought up; the message is one line saying what to do."""


class Progress:
    """Lines with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """One step, at once."""
        print(f"[{self.seconds:6.1f}s] {text}", flush=True)

    @staticmethod
    def fail(text: str) -> None:
        """One clear line on standard error."""
        print(f"sovereign: {text}", file=sys.stderr, flush=True)
