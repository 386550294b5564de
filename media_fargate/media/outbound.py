"""An outbound call from the order to dial to its end."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from aws_lambda_powertools import Logger

from media.leg_watch import LegGoneError
from media.routes import Line, OutboundRoute
from media.running_call import CallServices, Conversation, Identity, RunningCall
from media.speech.interfaces import ProviderError
from media.telephony.leg import NOT_ENCRYPTED, CallLeg, LegAnswered, LegClosed, LegRinging
from media.telephony.user_agents import DialRefusedError
from sovereign.calls.model import Call, CallOutcome, CallRef, EndReason
from sovereign.kernel.clock import utc_now
from sovereign.kernel.errors import DestinationNotAllowedError, DomainError

__all__ = ["OutboundCall", "outcome_of_failed_dial"]

_REASONS: Mapping[int, EndReason] = {
    486: EndReason.DIAL_BUSY,
    600: EndReason.DIAL_BUSY,
    408: EndReason.DIAL_NO_ANSWER,
    480: EndReason.DIAL_NO_ANSWER,
    487: EndReason.DIAL_NO_ANSWER,
    403: EndReason.DIAL_REJECTED,
    603: EndReason.DIAL_REJECTED,
    607: EndReason.DIAL_REJECTED,
    608: EndReason.DIAL_REJECTED,
}

_NOT_WANTED = CallOutcome(
    end_reason=EndReason.DIAL_FAILED, error="The campaign stopped calling before the call could ring."
)

logger = Logger(child=True)


def outcome_of_failed_dial(closed: LegClosed) -> CallOutcome:
    """How a call that nobody answered ended, by the final SIP response; without one the far end was not reached."""
    if closed.detail == NOT_ENCRYPTED:
        return CallOutcome(end_reason=EndReason.DIAL_FAILED, error=NOT_ENCRYPTED)
    if closed.sip_code is None:
        return CallOutcome(end_reason=EndReason.DIAL_FAILED, error="The trunk could not be reached.")
    reason = _REASONS.get(closed.sip_code, EndReason.DIAL_FAILED)
    error = f"SIP {closed.sip_code}" if reason is EndReason.DIAL_FAILED else None
    return CallOutcome(end_reason=reason, error=error)


class OutboundCall(RunningCall):
    """One order to dial. `run` never raises, and ends the row only if this process won it."""

    def __init__(self, services: CallServices, org_id: str, call_id: str) -> None:
        super().__init__(services, call_id)
        self._org_id = org_id
        self._may_ring = False

    async def run(self) -> None:
        """Claim, dial, ring, converse, end."""
        outcome = CallOutcome(end_reason=EndReason.DIAL_FAILED, error="The call failed inside the platform.")
        try:
            ref = await self._claimed()
            if ref is not None:
                outcome = await self._dial(await self.services.blocking(self.services.calls.content.load_whole, ref))
        except LegGoneError as gone:
            if self.stop_reason or self.answered:
                outcome = self.outcome_when_gone(gone, EndReason.DIAL_FAILED)
            else:
                outcome = outcome_of_failed_dial(gone.closed)
        except ProviderError as failed:
            outcome = self.outcome_without_provider(failed)
        except (DomainError, DialRefusedError) as refused:
            outcome = _refused(refused)
        except asyncio.CancelledError:
            outcome = CallOutcome(end_reason=EndReason.SHUTDOWN)
            raise
        except Exception:
            logger.exception("outbound_call_failed", call_id=self.call_id)
            if self.answered:
                outcome = CallOutcome(end_reason=EndReason.PROVIDER_ERROR, error=outcome.error)
        finally:
            await self.end(replace(outcome, unrung=not self._may_ring))

    async def _claimed(self) -> CallRef | None:
        """The call's place when this process won the right to ring; from then on it must end the row."""
        calls = self.services.calls
        ref = await self.services.blocking(calls.rows.find, self._org_id, self.call_id)
        if ref is None:
            logger.info("dial_not_claimed", call_id=self.call_id)
            return None
        self.find_row = partial(self._ours, ref)
        if await self.services.blocking(calls.lifecycle.claim_dial, ref, self.services.node_id):
            self.ref = ref
        else:
            self.find_row = None
            logger.info("dial_not_claimed", call_id=self.call_id)
        return self.ref

    def _ours(self, ref: CallRef) -> CallRef | None:
        """The row if this process has claimed it after all; blocks."""
        return ref if self.services.calls.content.load_whole(ref).node_id == self.services.node_id else None

    async def _dial(self, call: Call) -> CallOutcome:
        route = await self.services.blocking(self.services.directory.outbound_route, call)
        conversation = _conversation(call, route)
        await self.prepare(conversation)
        await self.services.protect()
        if not await self._still_wanted(call):
            return _NOT_WANTED
        if self.stop_reason:
            return CallOutcome(end_reason=self.stop_reason)
        self._may_ring = True
        self.leg = leg = await self.services.dial(route.trunk, route.destination, route.caller)
        if self.stop_reason:  # told to end while the INVITE went out
            await leg.hang_up()
        try:
            async with asyncio.timeout(self.services.ring_timeout_seconds):
                await self._answered(leg, call.ref)
        except TimeoutError:
            # a 200 that crosses the CANCEL is acknowledged and ended by the SIP stack
            return CallOutcome(end_reason=EndReason.DIAL_NO_ANSWER)
        return await self.converse(conversation)

    async def _still_wanted(self, call: Call) -> bool:
        """Whether what was decided when the call was ordered holds: getting ready may have taken longer than it does,
        and a campaign may be paused, or its window closed, meanwhile."""
        if call.dial_before is None or utc_now() < call.dial_before:
            return True
        return await self.services.blocking(self.services.directory.may_still_ring, call.ref)

    async def _answered(self, leg: CallLeg, ref: CallRef) -> None:
        """Follow the ringing. Early media is not an answer, so nothing is heard before the 200. Raises LegGoneError."""
        while True:
            event = await leg.events.get()
            if isinstance(event, LegClosed):
                raise LegGoneError(event)
            if isinstance(event, LegAnswered):
                return
            if isinstance(event, LegRinging):
                await self.services.blocking(self.services.calls.lifecycle.mark_ringing, ref)


def _conversation(call: Call, route: OutboundRoute) -> Conversation:
    identity = Identity(
        direction="outbound",
        number_id=call.number_id,
        number=route.caller,
        number_name=route.number_name,
        customer=route.destination,
    )
    return Conversation(
        ref=call.ref,
        identity=identity,
        assistant=route.assistant,
        account_webhook=route.account_webhook,
        metered=route.metered,
        line=Line(number_id=call.number_id, trunk_id=route.trunk.trunk_id, customer=route.destination),
    )


def _refused(refused: DomainError | DialRefusedError) -> CallOutcome:
    if isinstance(refused, DestinationNotAllowedError):
        return CallOutcome(end_reason=EndReason.DESTINATION_NOT_ALLOWED, error=refused.message)
    return CallOutcome(end_reason=EndReason.DIAL_FAILED, error=str(refused))
