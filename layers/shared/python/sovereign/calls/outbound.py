"""Placing an outbound call: everything is checked, the call is committed, then a media node is asked to ring."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sovereign.assistants.effective import named_in, transient, with_override
from sovereign.assistants.needs import needs_ref
from sovereign.assistants.store import AssistantStore, assistant_from_item, assistant_ref
from sovereign.assistants.view import EffectiveAssistant
from sovereign.calls import keys
from sovereign.calls.errors import NoCapacityError
from sovereign.calls.limits import OutboundLimits
from sovereign.calls.model import Call, CallOutcome, CallRef, EndReason, NewCall
from sovereign.calls.store import CallStore
from sovereign.catalog.llm import Message
from sovereign.credits.limits import check_monthly_minutes
from sovereign.credits.store import CreditStore
from sovereign.destinations import OutboundLimitError
from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import (
    ConflictError,
    InsufficientCreditsError,
    InvalidRequestError,
    InvalidStateError,
    NotFoundError,
)
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import ConditionFailed, Item, Ref, Table, Write
from sovereign.kernel.unit_of_work import Meaning
from sovereign.nodes.client import NodeAnswer
from sovereign.numbers import NumberStore, OutboundContext, outbound_context
from sovereign.organizations import Organization
from sovereign.sip_trunks import SipTrunk
from sovereign.usage.store import day_outbound_minutes, usage_counter_ref

__all__ = ["Dialler", "GuardedWrites", "OutboundCalls", "OutboundOrder"]


@dataclass(frozen=True, kw_only=True)
class OutboundOrder:
    """Whom to call, from which number, and exactly one of `assistant_id` (with or without an override) and
    `assistant` (a transient one). `first_message` and `metadata` replace the assistant's own."""

    destination: str
    number_id: str | None = None
    assistant_id: str | None = None
    assistant_override: Mapping[str, Any] | None = None
    assistant: Mapping[str, Any] | None = None
    first_message: str | None = None
    metadata: Mapping[str, Any] | None = None
    system_message: str | None = None
    """The instructions instead of the assistant's own."""
    dial_before: datetime | None = None
    """From then on no node may take the call any more; it then ends as one nobody took."""


GuardedWrites = Callable[[str], Sequence[tuple[Write, Meaning]]]
"""Writes of the call with this id, each with the error of its failed condition."""


class Dialler(Protocol):
    """Who asks a media node (`sovereign.nodes.client.NodeClient`)."""

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        """Give the call to a node."""


@dataclass(frozen=True)
class OutboundCalls:
    """Places calls. Three requests to the table: the organization and its numbers, the rest of what is checked, and
    the transaction that commits the call."""

    table: Table
    calls: CallStore
    dialler: Dialler
    cipher: Cipher
    clock: Clock = utc_now

    def place(
        self, org_id: str, order: OutboundOrder, *, writes_for_call: Callable[[str], Sequence[Write]] = lambda _: ()
    ) -> CallRef:
        """Place a call and return it once a node has it. `writes_for_call` commit with the call's row.

        Raises what `commit` raises, and NoCapacityError after the call was ended.
        """

        def guarded(call_id: str) -> Sequence[tuple[Write, Meaning]]:
            return [(write, _key_taken_over) for write in writes_for_call(call_id)]

        ref = self.commit(org_id, order, guarded)
        self.hand_over(ref)
        return ref

    def commit(self, org_id: str, order: OutboundOrder, writes_for_call: GuardedWrites) -> CallRef:
        """Check everything and commit the call's row with `writes_for_call`; nobody is rung before `hand_over`.

        Raises InvalidRequestError, BodyTooLargeError, DestinationNotAllowedError, NoOutboundNumberError,
        InsufficientCreditsError, the outbound limits' errors, NotFoundError for unknown ids, and what the writes'
        conditions mean.
        """
        wanted = [usage_counter_ref(org_id), keys.counter_ref(org_id), *_named_in_order(org_id, order)]
        needs = None if order.assistant_id is None else needs_ref(org_id, order.assistant_id.lower())
        context = outbound_context(
            self.table,
            org_id,
            order.number_id,
            destination=order.destination,
            also=wanted,
            needs=needs,
            has_room=self._has_room,
        )
        context.check_destination()
        chosen = self._assistant(org_id, order, context)
        usage = context.others.get(wanted[0])
        check_monthly_minutes(context.organization, usage, self.clock())
        minutes = day_outbound_minutes(usage, self.clock())
        limits = OutboundLimits(context.organization.outbound_policy, context.trunk, minutes)
        return self._create(order, context, chosen, limits, writes_for_call).ref

    def _has_room(self, organization: Organization, trunk: SipTrunk, found: Mapping[Ref, Item]) -> bool:
        counter = found.get(keys.counter_ref(organization.id))
        try:
            OutboundLimits(organization.outbound_policy, trunk).check_counter(counter, self.clock())
        except OutboundLimitError:
            return False
        return True

    def _assistant(self, org_id: str, order: OutboundOrder, context: OutboundContext) -> EffectiveAssistant:
        """The effective assistant by the order's mode, with what the order says itself put over it."""
        store = AssistantStore(self.table, self.cipher)
        if order.assistant_id is not None:
            chosen = self._saved(store, context.others.get(assistant_ref(org_id, order.assistant_id)))
            if order.assistant_override is not None:
                chosen = with_override(chosen, order.assistant_override)
        else:
            chosen = transient(order.assistant or {})
        given = {"first_message": order.first_message, "metadata": order.metadata}
        own: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        speech = chosen.settings.speech_config
        if order.first_message is not None and speech is not None and speech.first_message_outbound is not None:
            # what is to be said on this very call beats what is said on every outbound one
            own["speech_config"] = {**speech.stored(), "first_message_outbound": None}
        if own:
            chosen = with_override(chosen, own, at="")
        if order.system_message is not None:
            chosen = _instructed(chosen, order.system_message)
        try:
            return store.resolve(org_id, chosen, context.others)
        except InvalidRequestError as refused:
            raise InvalidRequestError(details=[_placed(order, detail) for detail in refused.details]) from None

    def _saved(self, store: AssistantStore, item: Item | None) -> EffectiveAssistant:
        if item is None:
            raise NotFoundError("No such assistant.")
        chosen = store.effective(assistant_from_item(item))
        if not chosen.settings.is_active:
            raise InvalidStateError("The assistant is not active.", code="assistant_inactive")
        return chosen

    def _create(
        self,
        order: OutboundOrder,
        context: OutboundContext,
        chosen: EffectiveAssistant,
        limits: OutboundLimits,
        writes_for_call: GuardedWrites,
    ) -> Call:
        organization, number = context.organization, context.number
        new = _new_call(order, organization.id, context, chosen)
        used = NumberStore(self.table, clock=self.clock).used_for_call(number, self.clock())
        held = self._reservation(organization, new.call_id)
        refusals: list[tuple[Write, Meaning]] = [
            (used, lambda _old: ConflictError("The number was removed at the same time.")),
            *((write, lambda _old: InsufficientCreditsError()) for write in held),
            *writes_for_call(new.call_id),
        ]
        try:
            return self.calls.starts.create(
                new,
                frozen_assistant=chosen.freeze(self.cipher, org_id=organization.id, call_id=new.call_id),
                extra_writes=[write for write, _ in refusals],
                check_load=limits.check,
                counter=context.others.get(keys.counter_ref(organization.id)),
            )
        except ConditionFailed as failure:
            raise refusals[failure.index][1](failure.old) from failure

    def _reservation(self, organization: Organization, call_id: str) -> list[Write]:
        if organization.billing_mode != "metered":
            return []
        return CreditStore(self.table, self.clock).reserve_writes(organization.payer_id, organization.id, call_id)

    def hand_over(self, ref: CallRef) -> None:
        """Have a node take the call, or end it and raise NoCapacityError. The claim on the call's row is the truth:
        when no answer came but a node claimed it, it is being dialled."""
        if self.dialler.dial(ref.org_id, ref.call_id).ok:
            return
        if self.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.NO_CAPACITY), unclaimed_only=True):
            raise NoCapacityError(ref.call_id)


def _named_in_order(org_id: str, order: OutboundOrder) -> list[Ref]:
    """What the order names itself: the assistant first, then what stands in a transient one or in an override."""
    if order.assistant_id is None:
        named = named_in(order.assistant or {}, "assistant")
    else:
        named = named_in(order.assistant_override or {}, "assistant_override")
    own = [] if order.assistant_id is None else [assistant_ref(org_id, order.assistant_id)]
    return own + [resource_ref(org_id, reference.kind, reference.id) for reference in named]


def _placed(order: OutboundOrder, detail: str) -> str:
    """A problem of the effective assistant with the path it has in the order; the saved one's own keep theirs."""
    if order.assistant_id is None:
        return f"assistant.{detail}"
    return f"assistant_override.{detail}" if detail.partition(".")[0] in (order.assistant_override or {}) else detail


def _key_taken_over(_old: Item | None) -> Exception:
    return ConflictError("The Idempotency-Key was taken over.")


def _instructed(chosen: EffectiveAssistant, system_message: str) -> EffectiveAssistant:
    """The assistant with other instructions; what else its prompt holds stays."""
    rest = [message for message in chosen.llm.messages if message.role != "system"]
    messages = [Message(role="system", content=system_message), *rest]
    llm = chosen.llm.model_copy(update={"messages": messages})
    return chosen.model_copy(update={"settings": chosen.settings.model_copy(update={"llm_config": llm})})


def _new_call(order: OutboundOrder, org_id: str, context: OutboundContext, chosen: EffectiveAssistant) -> NewCall:
    return NewCall(
        org_id=org_id,
        call_id=ids.new_call_id("outbound"),
        direction="outbound",
        caller_phone=order.destination,
        assistant_phone=context.number.phone_number,
        agent_id=chosen.assistant_id,
        agent_name=chosen.assistant_name,
        business_name=chosen.settings.business_name,
        number_id=context.number.id,
        trunk_id=context.trunk.id,
        dial_before=order.dial_before,
        metadata=chosen.settings.metadata,
        private=chosen.settings.gdpr_mode,
    )
