"""The SIP stack's own log lines, brought into ours without the numbers, names and addresses they may hold."""

import logging
import re
import time
from collections.abc import Callable

from aws_lambda_powertools import Logger

__all__ = ["LINES_PER_SECOND", "LineLimit", "forward_stack_log", "without_identities"]

LINES_PER_SECOND = 10
"""More are counted only: whoever sends us garbage must not fill our log."""

_IDENTITIES = re.compile(r"(?i)(?:sips?|tel):\S+|\S+@\S+|\+?[0-9][0-9().-]{5,}[0-9]")

logger = Logger(child=True)


def without_identities(text: str) -> str:
    """The line with every SIP address, e-mail-like name and longer run of digits replaced by an ellipsis."""
    return _IDENTITIES.sub("…", text)


class LineLimit:
    """So many lines a second; how many there were beyond is told with the first of a later one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second, self._lines = 0, 0

    def admits(self) -> bool:
        """Count a line; whether it is to be written."""
        second = int(self._clock())
        if second != self._second:
            if self._lines > LINES_PER_SECOND:
                logger.warning("sip_stack_lines_dropped", lines=self._lines - LINES_PER_SECOND)
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= LINES_PER_SECOND


class _Forwarder(logging.Handler):
    def __init__(self, limit: LineLimit) -> None:
        super().__init__()
        self._limit = limit

    def emit(self, record: logging.LogRecord) -> None:
        # errors are the stack's own, warnings are what it thinks of what others send
        if record.levelno < logging.ERROR and not self._limit.admits():
            return
        write = logger.error if record.levelno >= logging.ERROR else logger.warning
        write("sip_stack", line=without_identities(record.getMessage())[:500], part=record.name)


def forward_stack_log() -> None:
    """Send warnings and worse of the `baresip` loggers through ours; anything else of theirs goes nowhere."""
    stack = logging.getLogger("baresip")
    stack.handlers[:] = [_Forwarder(LineLimit())]
    stack.propagate = False
    stack.setLevel(logging.WARNING)
