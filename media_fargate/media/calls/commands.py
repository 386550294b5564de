"""Control commands on a running call: their forms and what they do."""

import asyncio
from collections.abc import Mapping
from typing import Any

from media.calls.parts import CallConversation
from media.conversation.closing import Ending
from media.conversation.transfers import Transfers
from sovereign.calls.model import EndReason
from sovereign.kernel.errors import DomainError


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
    """Do a command; returns when it is done, or for speech and transfers when it is under way.

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
        await transfers.send_digits(_text(command, "digits"))
    elif kind == "transfer":
        await _transfer(command, transfers, tasks)
    else:
        raise CommandRefusedError("invalid_request", "type: no such command")


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
    transferring = transfers.command(route, command.get("message") or None)
    try:
        tasks.create_task(transferring)
    except RuntimeError:  # the call ended meanwhile
        transferring.close()
        raise CommandRefusedError("not_in_progress", "the call is not in progress") from None


def _text(command: Mapping[str, Any], member: str) -> str:
    value = command.get(member)
    if not isinstance(value, str) or not value:
        raise CommandRefusedError("invalid_request", f"{member}: must be a non-empty string")
    return value
