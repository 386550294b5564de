"""What the SIP stack's native code prints past its own log, such as requests it does not handle, numbers included."""

import os
import sys
import threading

from aws_lambda_powertools import Logger

from media.telephony.stack_log import LineLimit, without_identities

__all__ = ["divert_native_output"]

_LONGEST_LINE = 500

logger = Logger(child=True)


def divert_native_output() -> None:
    """From now on only Python writes to this process's output; lines of native code are logged without identities.

    To be called once, before anything keeps a reference to `sys.stdout` or `sys.stderr`, as a logger does.
    """
    reading, writing = os.pipe()
    for number, name in ((1, "stdout"), (2, "stderr")):
        getattr(sys, name).flush()
        ours = os.fdopen(os.dup(number), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        setattr(sys, name, ours)
        os.dup2(writing, number)
    os.close(writing)
    threading.Thread(target=_forward, args=(reading,), name="native-output", daemon=True).start()


def _forward(reading: int) -> None:
    limit = LineLimit()
    with os.fdopen(reading, encoding="utf-8", errors="replace") as output:
        for line in output:
            if limit.admits() and (said := without_identities(line.strip())):
                logger.warning("sip_stack", line=said[:_LONGEST_LINE], part="native")
