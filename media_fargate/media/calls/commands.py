"""Control commands on a running call: their forms and what they do."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger

from media.audio.key_tones import KEYS
from media.calls.parts import CallConversation
from media.conversation.closing import Ending
from media.conversation.transfers import Transfers
from media.telephony.baresip_leg import LegRefusedError
from sovereign.calls.model import EndReason
from sovereign.kernel.errors import DomainError

_KEYS: Final = frozenset("".join(KEYS))

logger = Logger(child=True)


class CommandRefusedError(Exception):
    """A command cannot be done. `code` is for machines, the message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def execute(
    command: Mapping[str, Any],
    conversation: CallConversation,
    transfers: Transfers,
    tasks: asyncio.TaskGroup,
) -> None:
    """Do a command; returns when it is done, or for speech, key tones and transfers when it is under way.

    Raises CommandRefusedError: `invalid_request`, `destination_not_allowed`, `transfer_under_way`.
    """
    kind = command.get("type")
    if kind == "say":
        conversation.say(_text(command, "content"), then_end=bool(command.get("end_after", False)))
    elif kind == "inject-context":
        conversation.note(_text(command, "content"), respond=bool(command.get("trigger_response", False)))
    elif kind == "end-call":
        conversation.close(Ending(EndReason.CONTROL_END_CALL), command.get("message") or None)
    elif kind == "send-dtmf":
        _press(_text(command, "digits"), transfers, tasks)
    elif kind == "transfer":
        await _transfer(command, transfers, tasks)
    else:
        raise CommandRefusedError("invalid_request", "type: no such command")


def _press(digits: str, transfers: Transfers, tasks: asyncio.TaskGroup) -> None:
    """Begin to send key tones: a long sequence takes longer than whoever ordered it waits."""
    if not _KEYS.issuperset(digits):
        raise CommandRefusedError("invalid_request", "digits: must be keys of a telephone: 0-9, *, # and A-D")

    async def press() -> None:
        try:
            await transfers.send_digits(digits)
        except LegRefusedError:  # the call has ended, and the rest of the sequence with it
            logger.info("digits_not_sent")

    _start(press(), tasks)


async def _transfer(command: Mapping[str, Any], transfers: Transfers, tasks: asyncio.TaskGroup) -> None:
    destination = _text(command, "destination")
    if transfers.under_way:
        raise CommandRefusedError("transfer_under_way", "another transfer is under way")
    try:
        route = await transfers.route(destination)
    except DomainError as refusal:
        raise CommandRefusedError(refusal.machine_code, refusal.message or refusal.title) from None
    if transfers.under_way:  # begun while the way was looked for
        raise CommandRefusedError("transfer_under_way", "another transfer is under way")
    transfers.under_way = True
    _start(transfers.command(route, command.get("message") or None), tasks)


def _start(work: Coroutine[Any, Any, None], tasks: asyncio.TaskGroup) -> None:
    try:
        tasks.create_task(work)
    except RuntimeError:  # the call ended meanwhile
        work.close()
        raise CommandRefusedError("not_in_progress", "the call is not in progress") from None


def _text(command: Mapping[str, Any], member: str) -> str:
    value = command.get(member)
    if not isinstance(value, str) or not value:
        raise CommandRefusedError("invalid_request", f"{member}: must be a non-empty string")
    return value
