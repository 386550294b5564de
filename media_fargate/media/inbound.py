"""An inbound call from its INVITE to its end."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from media.leg_watch import LegGoneError, next_of, or_gone
from media.routes import InboundRefusal, InboundRoute, Line
from media.running_call import CallServices, Conversation, Identity, RunningCall
from media.speech.interfaces import ProviderError
from media.telephony.addresses import MOST_HOPS, called_number, caller_number, hops_of, source_address
from media.telephony.baresip_leg import LegRefusedError
from media.telephony.leg import CallLeg, LegAnswered, LegClosed, LegClosedBy
from sovereign.assistants import EffectiveAssistant, Rejection
from sovereign.calls.model import Call, CallOutcome, EndReason, NewCall
from sovereign.kernel import ids
from sovereign.kernel.errors import DomainError, InsufficientCreditsError
from sovereign.webhooks.answers import WebhookFailedError
from sovereign.webhooks.subscriptions import webhook_of
from sovereign.webhooks.targets import WebhookEvent, choose_target

__all__ = ["NO_CREDITS_ANNOUNCEMENT", "InboundCall"]

NO_CREDITS_ANNOUNCEMENT = "We are sorry, this number cannot take your call at the moment. Please try again later."

logger = Logger(child=True)


_Answered = tuple[EffectiveAssistant | Rejection | None, Mapping[str, Any] | None]


class _RefusedError(Exception):
    """The call is not taken: `end_reason`, and what is spoken to the caller when it is announced."""

    def __init__(self, end_reason: EndReason, announcement: str | None = None) -> None:
        super().__init__(end_reason.value)
        self.end_reason = end_reason
        self.announcement = announcement


class InboundCall(RunningCall):
    """One INVITE. `run` never raises, and leaves neither a leg nor a row open."""

    def __init__(self, services: CallServices, leg: CallLeg, headers: Mapping[str, str]) -> None:
        super().__init__(services, ids.new_call_id("inbound"))
        self.leg = self._leg = leg
        self._headers = headers

    async def run(self) -> None:
        """Admit, ring, answer, converse, end."""
        outcome = CallOutcome(end_reason=EndReason.PROVIDER_ERROR, error="The call failed inside the platform.")
        try:
            route = await self._admitted()
            if route is not None:
                outcome = await self._take(route)
        except LegGoneError as gone:
            outcome = self.outcome_when_gone(gone, EndReason.CALLER_CANCELLED)
        except LegRefusedError:  # gone in the moment of the answer
            at_once = LegGoneError(LegClosed(LegClosedBy.PEER))
            outcome = self.outcome_when_gone(at_once, EndReason.CALLER_CANCELLED)
        except ProviderError as failed:
            outcome = self.outcome_without_provider(failed)
        except asyncio.CancelledError:
            outcome = CallOutcome(end_reason=EndReason.SHUTDOWN)
            raise
        except Exception:
            logger.exception("inbound_call_failed", call_id=self.call_id)
        finally:
            await self.end(outcome)

    async def let_go(self, leg: CallLeg) -> None:
        """Hang up, or refuse what was not answered."""
        await (leg.hang_up() if self.answered else leg.reject())

    async def _admitted(self) -> InboundRoute | None:
        """The call's route, None when it was refused (there is no row then)."""
        if hops_of(self._headers) >= MOST_HOPS:
            logger.info("invite_refused", code=482, reason="transferred in a circle")
            await self._leg.reject()
            return None
        behind_edge = self.services.behind_edge
        called = called_number(self._headers, behind_edge=behind_edge)
        source = source_address(self._headers, behind_edge=behind_edge)
        route = await self.services.blocking(self.services.directory.inbound_route, called, source)
        if isinstance(route, InboundRefusal):
            logger.info("invite_refused", code=route.code, reason=route.reason)
            # without an edge the stack knows one refusal only, and cannot keep silent either
            await self._leg.reject()
            return None
        return route

    async def _take(self, route: InboundRoute) -> CallOutcome:
        identity = Identity(
            direction="inbound",
            number_id=route.number_id,
            number=route.number,
            number_name=route.number_name,
            customer=caller_number(self._headers),
        )
        await self._create_row(route, identity)
        try:
            assistant = await self._choose_assistant(route, identity)
            await self._reserve(route)
        except _RefusedError as refused:
            return await self._refuse(route, refused)
        conversation = Conversation(
            ref=self._row.ref,
            identity=identity,
            assistant=assistant,
            workflow=route.workflow.definition if route.workflow else None,
            account_webhook=route.account_webhook,
            metered=route.payer_org_id is not None,
            line=Line(
                number_id=route.number_id,
                trunk_id=route.trunk_id,
                customer=identity.customer,
                hops=hops_of(self._headers),
            ),
        )
        await or_gone(self._leg, self.prepare(conversation))
        await self._answer(route)
        return await self.converse(conversation)

    async def _answer(self, route: InboundRoute) -> None:
        """Take the call once the task is protected. Raises LegGoneError, LegRefusedError."""
        await or_gone(self._leg, self.services.protect())
        await self._leg.answer(encrypted_only=route.encrypted_only)
        await next_of(self._leg, LegAnswered)

    async def _create_row(self, route: InboundRoute, identity: Identity) -> None:
        assistant, services = route.assistant, self.services
        new = NewCall(
            org_id=route.org_id,
            call_id=self.call_id,
            direction="inbound",
            caller_phone=identity.customer,
            assistant_phone=identity.number,
            number_id=route.number_id,
            ringing=True,
            private=assistant.settings.gdpr_mode if assistant else False,
            **_shown(assistant),
        )

        def create() -> Call:
            frozen = services.directory.freeze(assistant, route.org_id, self.call_id) if assistant else None
            workflow = route.workflow
            extra = [services.directory.freeze_workflow(workflow, route.org_id, self.call_id)] if workflow else []
            return services.calls.starts.create(
                new, frozen_assistant=frozen, node_id=services.node_id, extra_writes=extra
            )

        self.find_row = partial(services.calls.rows.find, route.org_id, self.call_id)
        self._row = await services.blocking(create)
        self.ref = self._row.ref

    async def _choose_assistant(self, route: InboundRoute, identity: Identity) -> EffectiveAssistant:
        """Whom the webhook names, else the saved assistant. Raises _RefusedError, LegGoneError."""
        base = route.assistant
        target = choose_target(
            WebhookEvent.ASSISTANT_REQUEST, assistant=webhook_of(base), account=route.account_webhook
        )
        chosen: EffectiveAssistant | Rejection | None = base
        frozen: Mapping[str, Any] | None = None
        if target is not None:
            asked = self.services.asker.assistant_request(target, identity.describe(self.call_id, "ringing", base))
            try:
                answer = await or_gone(self._leg, asked)
                chosen, frozen = await self.services.blocking(self._answered, route, answer)
            except WebhookFailedError as failed:
                logger.warning("assistant_request_failed", call_id=self.call_id, failure=failed.failure.value)
            except DomainError as problem:
                logger.warning("assistant_request_invalid", call_id=self.call_id, problems=problem.details)
        if isinstance(chosen, Rejection):
            raise _RefusedError(EndReason.REJECTED_BY_WEBHOOK, chosen.message)
        if chosen is None:
            raise _RefusedError(EndReason.NO_ASSISTANT)
        if not chosen.settings.is_active:
            raise _RefusedError(EndReason.ASSISTANT_INACTIVE)
        if frozen is not None:
            private = chosen.settings.gdpr_mode
            set_assistant = partial(self.services.calls.lifecycle.set_assistant, **_shown(chosen), private=private)
            await self.services.blocking(set_assistant, self._row.ref, frozen)
        return chosen

    def _answered(self, route: InboundRoute, answer: Mapping[str, Any]) -> _Answered:
        """Whom an answer names, and the stored form when that is another one: what cannot be stored is not valid."""
        directory = self.services.directory
        chosen = directory.answered(route.org_id, route.assistant, answer)
        if not isinstance(chosen, EffectiveAssistant) or chosen is route.assistant:
            return chosen, None
        return chosen, directory.freeze(chosen, route.org_id, self.call_id)

    async def _reserve(self, route: InboundRoute) -> None:
        """See that the call's first minutes are paid for. Raises _RefusedError."""
        if not route.has_minutes:
            raise _RefusedError(EndReason.INSUFFICIENT_CREDITS, NO_CREDITS_ANNOUNCEMENT)
        if route.payer_org_id is None:
            return
        reserve, payer_org_id = self.services.directory.reserve_credits, route.payer_org_id
        try:
            await self.services.blocking(reserve, payer_org_id, self._row.ref)
        except InsufficientCreditsError:
            raise _RefusedError(EndReason.INSUFFICIENT_CREDITS, NO_CREDITS_ANNOUNCEMENT) from None

    async def _refuse(self, route: InboundRoute, refused: _RefusedError) -> CallOutcome:
        """Say why in a call that is answered for that only, or refuse the INVITE."""
        outcome = CallOutcome(end_reason=refused.end_reason)
        if refused.announcement is None or not route.announce_rejections:
            await self._leg.reject()
            return outcome
        try:
            await self._answer(route)
            self.answered = True
            spoken = self.services.announce(self._leg, refused.announcement, route.org_id, route.assistant)
            await or_gone(self._leg, spoken)
        except (LegGoneError, LegRefusedError):
            logger.info("announcement_not_heard", call_id=self.call_id)
        return outcome


def _shown(assistant: EffectiveAssistant | None) -> dict[str, Any]:
    """What a call's row shows of its assistant."""
    if assistant is None:
        return {"agent_id": None, "agent_name": None, "business_name": None, "metadata": None}
    return {
        "agent_id": assistant.assistant_id,
        "agent_name": assistant.assistant_name,
        "business_name": assistant.settings.business_name,
        "metadata": assistant.settings.metadata,
    }
