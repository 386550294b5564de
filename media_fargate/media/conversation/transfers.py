"""Handing the caller over to somebody else, and key tones: what tools and control commands do to the leg."""

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from media.telephony.leg import CallLeg, TransferOutcome
from sovereign.catalog.tools import TransferDestination
from sovereign.kernel.errors import DomainError

if TYPE_CHECKING:
    from media.calls.parts import CallConversation
    from media.conversation.playout import Playout

TRANSFER_TIMEOUT_SECONDS = 30.0

RouteTransfer = Callable[[str], Awaitable[str]]
"""Checks a destination (E.164 or SIP URI) and returns the SIP URI to refer to. Raises DomainError when it may not be
called."""


class Transfers:
    """Announces and makes transfers, one at a time; `record` is the last one, for the call's report."""

    def __init__(
        self, leg: CallLeg, conversation: "CallConversation", speaker: "Playout", route: RouteTransfer
    ) -> None:
        self._leg = leg
        self._conversation = conversation
        self._speaker = speaker
        self.route = route
        self.record: dict[str, Any] | None = None
        self.under_way = False

    async def transfer_to(self, destination: TransferDestination) -> str:
        """A tool's transfer; the text the model is told."""
        if self.under_way:
            return json.dumps({"error": "another transfer is under way"})
        try:
            target = await self.route(destination.number)
        except DomainError as refusal:
            self._remember(destination.number, refusal.machine_code)
            return json.dumps({"error": refusal.machine_code})
        outcome = await self.transfer(destination.number, target, destination.message)
        if outcome is None:
            return json.dumps({"result": "transferred"})
        return json.dumps({"error": f"the transfer failed: {outcome}", "caller": "still on the line"})

    async def send_digits(self, digits: str) -> str:
        """A tool's key tones; the text the model is told."""
        await self._leg.send_dtmf(digits)
        return json.dumps({"result": "sent"})

    async def command(self, destination: str, target: str, message: str | None) -> None:
        """A transfer ordered from outside; when it fails the model tells the caller and goes on."""
        outcome = await self.transfer(destination, target, message)
        if outcome is not None:
            self._conversation.note(f"A transfer of the caller failed ({outcome}). Tell them and go on.", respond=True)

    async def transfer(self, destination: str, target: str, message: str | None) -> TransferOutcome | None:
        """Announce and refer the caller to `target`; None when they were handed over, else what went wrong."""
        self.under_way = True
        try:
            await self._announce(message)
            with self._conversation.transferring():
                outcome = await self._leg.transfer(target, TRANSFER_TIMEOUT_SECONDS)
        finally:
            self.under_way = False
        self._remember(destination, outcome.value)
        if outcome in {TransferOutcome.SUCCEEDED, TransferOutcome.UNCONFIRMED}:
            self._conversation.transferred()
            return None
        return outcome

    async def _announce(self, message: str | None) -> None:
        while (current := self._speaker.current) is not None:
            await current.done.wait()
        if message:
            await self._conversation.say(message, interruptible=False).done.wait()

    def _remember(self, destination: str, outcome: str) -> None:
        self.record = {"destination": destination, "outcome": outcome}
