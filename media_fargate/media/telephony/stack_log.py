"""The SIP stack's own log lines, brought into ours without the numbers, names and addresses they may hold."""

import logging
import re

from aws_lambda_powertools import Logger

__all__ = ["forward_stack_log", "without_identities"]

_IDENTITIES = re.compile(r"(?i)(?:sips?|tel):\S+|\S+@\S+|\+?[0-9][0-9().-]{5,}[0-9]")

logger = Logger(child=True)


def without_identities(text: str) -> str:
    """The line with every SIP address, e-mail-like name and longer run of digits replaced by an ellipsis."""
    return _IDENTITIES.sub("…", text)


class _Forwarder(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        write = logger.error if record.levelno >= logging.ERROR else logger.warning
        write("sip_stack", line=without_identities(record.getMessage())[:500], part=record.name)


def forward_stack_log() -> None:
    """Send warnings and worse of the `baresip` loggers through ours; anything else of theirs goes nowhere."""
    stack = logging.getLogger("baresip")
    stack.handlers[:] = [_Forwarder()]
    stack.propagate = False
    stack.setLevel(logging.WARNING)
