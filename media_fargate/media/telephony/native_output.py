"""What the SIP stack's native code prints past its own log, such as requests it does not handle, numbers included."""

import logging
import os
import sys
import threading
from typing import TextIO

from aws_lambda_powertools import Logger

from media.telephony.stack_log import LineLimit, without_identities

__all__ = ["divert_native_output"]

_LONGEST_LINE = 500

logger = Logger(child=True)


def divert_native_output() -> None:
    """From now on only Python writes to this process's output; lines of native code are logged without identities.

    To be called once. Log handlers that hold `sys.stdout` or `sys.stderr`, as those of loggers made by an import do,
    write to the new ones from then on.
    """
    reading, writing = os.pipe()
    for number, name in ((1, "stdout"), (2, "stderr")):
        getattr(sys, name).flush()
        ours = os.fdopen(os.dup(number), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        _hand_over(getattr(sys, name), ours)
        setattr(sys, name, ours)
        os.dup2(writing, number)
    os.close(writing)
    threading.Thread(target=_forward, args=(reading,), name="native-output", daemon=True).start()


def _hand_over(before: TextIO, after: TextIO) -> None:
    """Have every log handler that writes to the one stream write to the other."""
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    for log in known:
        for handler in getattr(log, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                handler.setStream(after)


def _forward(reading: int) -> None:
    limit = LineLimit()
    with os.fdopen(reading, encoding="utf-8", errors="replace") as output:
        for line in output:
            if limit.admits() and (said := without_identities(line.strip())):
                logger.warning("sip_stack", line=said[:_LONGEST_LINE], part="native")
