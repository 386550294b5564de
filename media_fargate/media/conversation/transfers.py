"""Handing the caller over to somebody else, and key tones: what tools and control commands do to the leg."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from media.conversation.second_leg import DialSecondLeg, SecondLegFailedError, ring
from media.telephony.leg import CallLeg, TransferOutcome
from media.telephony.transfer_route import SecondLeg, TransferRoute
from sovereign.catalog.tools import TransferDestination
from sovereign.kernel.errors import DestinationNotAllowedError, DomainError

if TYPE_CHECKING:
    from media.calls.parts import CallConversation
    from media.conversation.playout import Playout

TRANSFER_TIMEOUT_SECONDS = 30.0

RouteTransfer = Callable[[str], Awaitable[TransferRoute]]
"""Checks a destination (E.164 or SIP URI) and tells how to get there. Raises DomainError when it may not be called."""

HANDED_OVER = frozenset({TransferOutcome.SUCCEEDED, TransferOutcome.UNCONFIRMED})


class Transfers:
    """Announces and makes transfers, one at a time.

    `record` is the last one, for the call's report. `second_leg` is the answered leg the caller is to be bridged to.
    """

    def __init__(
        self,
        leg: CallLeg,
        conversation: "CallConversation",
        speaker: "Playout",
        route: RouteTransfer,
        dial: DialSecondLeg,
    ) -> None:
        self._leg = leg
        self._conversation = conversation
        self._speaker = speaker
        self._dial = dial
        self.route = route
        self.record: dict[str, Any] | None = None
        self.second_leg: CallLeg | None = None
        self.under_way = False

    async def transfer_to(self, destination: TransferDestination) -> str:
        """A tool's transfer; the text the model is told."""
        if self.under_way:
            return json.dumps({"error": "another transfer is under way"})
        outcome = await self.hand_over(destination.number, destination.message)
        if outcome in HANDED_OVER:
            # the call is over for the model, and its tools with it: it must not be asked for more to say
            await asyncio.get_running_loop().create_future()
        told = {"error": f"the transfer failed: {outcome}", "outcome": outcome, "caller": "still on the line"}
        return json.dumps(told)

    async def hand_over(self, destination: str, message: str | None) -> TransferOutcome:
        """Check, announce and transfer; with an outcome of `HANDED_OVER` the call ends by itself.

        After any other the caller is still on the line, and whoever asked for the transfer says how it goes on; when
        nobody can any more, the conversation ends itself (`BaseConversation.fail`). Not to be called while one is
        `under_way`.
        """
        self.under_way = True
        try:
            return await self._transfer(await self.route(destination), message)
        except DomainError as refusal:
            allowed = not isinstance(refusal, DestinationNotAllowedError)
            return self._remember(destination, TransferOutcome.FAILED if allowed else TransferOutcome.NOT_ALLOWED)
        finally:
            self.under_way = False

    async def command(self, route: TransferRoute, message: str | None) -> None:
        """A transfer ordered from outside; when it fails the model tells the caller and goes on."""
        self.under_way = True
        try:
            outcome = await self._transfer(route, message)
        finally:
            self.under_way = False
        if outcome not in HANDED_OVER:
            self._conversation.note(f"A transfer of the caller failed ({outcome}). Tell them and go on.", respond=True)

    async def send_digits(self, digits: str) -> str:
        """A tool's key tones; the text the model is told."""
        await self._leg.send_dtmf(digits)
        return json.dumps({"result": "sent"})

    async def _transfer(self, route: TransferRoute, message: str | None) -> TransferOutcome:
        # what is remembered if the call ends before anything else is known
        self._remember(route.destination, TransferOutcome.CANCELLED)
        await self._announce(message)
        if self._conversation.closing:
            return TransferOutcome.CANCELLED
        outcome = TransferOutcome.UNSUPPORTED
        if route.refer_to is not None:
            outcome = await self._refer(route.refer_to)
        if outcome is TransferOutcome.UNSUPPORTED and route.second_leg is not None:
            outcome = await self._bridge(route.second_leg)
        elif outcome is TransferOutcome.UNSUPPORTED:
            outcome = TransferOutcome.REFUSED
        self._remember(route.destination, outcome)
        if outcome in HANDED_OVER:
            self._conversation.transferred()
        return outcome

    async def _refer(self, target: str) -> TransferOutcome:
        with self._conversation.transferring(peer_may_leave=True):
            outcome = await self._leg.transfer(target, TRANSFER_TIMEOUT_SECONDS)
        if outcome is TransferOutcome.UNSUPPORTED and self._conversation.closing:
            # decided while the peer was asked: nobody's telephone is to ring for a caller who is said goodbye to
            return TransferOutcome.CANCELLED
        return outcome

    async def _bridge(self, second: SecondLeg) -> TransferOutcome:
        with self._conversation.transferring(peer_may_leave=False):
            try:
                self.second_leg = await ring(second, self._dial, self._leg, self._speaker)
            except SecondLegFailedError as failed:
                return failed.outcome
            if self._conversation.closing:  # decided while it rang: the caller is being said goodbye to
                await self.second_leg.hang_up()
                return TransferOutcome.CANCELLED
        return TransferOutcome.SUCCEEDED

    async def _announce(self, message: str | None) -> None:
        while (current := self._speaker.current) is not None:
            await current.done.wait()
        if message:
            await self._conversation.say(message, interruptible=False).done.wait()

    def _remember(self, destination: str, outcome: TransferOutcome) -> TransferOutcome:
        self.record = {"destination": destination, "outcome": outcome.value}
        return outcome
