"""What must be known of a number before a call may start, and who knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from media.telephony.addresses import TrunkRoute
from sovereign.assistants import EffectiveAssistant, Rejection
from sovereign.calls.model import Call, CallRef
from sovereign.kernel.table import Put
from sovereign.webhooks.targets import WebhookSettings
from sovereign.workflows.running import RunnableWorkflow

__all__ = ["CallDirectory", "InboundRefusal", "InboundRoute", "Line", "OutboundRoute"]


@dataclass(frozen=True)
class InboundRefusal:
    """An INVITE that is not taken: the SIP response an edge gives; `drop` means no answer at all."""

    code: int
    reason: str
    drop: bool = False


@dataclass(frozen=True, kw_only=True)
class InboundRoute:
    """Whose call it is. `assistant` None means that the account webhook must name one. A `workflow` is followed by
    whichever assistant takes the call.

    `payer_org_id` is set when minutes must be reserved. `has_minutes` is False when the month's are used up.
    `announce_rejections`: refusals are spoken, not signalled. `encrypted_only`: the trunk takes no plain audio.
    """

    org_id: str
    number_id: str
    number: str = field(repr=False)
    trunk_id: str | None = None
    number_name: str | None = None
    assistant: EffectiveAssistant | None = None
    workflow: RunnableWorkflow | None = None
    account_webhook: WebhookSettings | None = None
    announce_rejections: bool = True
    payer_org_id: str | None = None
    has_minutes: bool = True
    encrypted_only: bool = False


@dataclass(frozen=True, kw_only=True)
class OutboundRoute:
    """How a call that is in the table is dialled, and what it runs with. `metered`: its minutes are reserved."""

    trunk: TrunkRoute
    caller: str = field(repr=False)
    destination: str = field(repr=False)
    assistant: EffectiveAssistant
    number_name: str | None = None
    account_webhook: WebhookSettings | None = None
    metered: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """The phone line of a call, from which it may be transferred: its number and trunk, and the person on it (E.164).

    `hops`: so many transfers of ours lie behind it already.
    """

    number_id: str | None = None
    trunk_id: str | None = None
    customer: str | None = field(default=None, repr=False)
    hops: int = 0


class CallDirectory(Protocol):
    """Look-ups across resources. Every method blocks: run it on an executor."""

    def inbound_route(self, called: str | None, source: str | None) -> InboundRoute | InboundRefusal:
        """The first step of admission: source, number, assistant, in the order of the documented refusals."""

    def answered(
        self, org_id: str, base: EffectiveAssistant | None, answer: Mapping[str, Any]
    ) -> EffectiveAssistant | Rejection | None:
        """Apply an `assistant-request` answer. Raises DomainError when it does not validate."""

    def freeze(self, assistant: EffectiveAssistant, org_id: str, call_id: str) -> Mapping[str, Any]:
        """The stored form of a call's assistant."""

    def freeze_workflow(self, workflow: RunnableWorkflow, org_id: str, call_id: str) -> Put:
        """The write that keeps a call's workflow."""

    def may_still_ring(self, ref: CallRef) -> bool:
        """Whether a campaign's call may ring although it did not before its `dial_before`."""

    def outbound_route(self, call: Call) -> OutboundRoute:
        """How to dial a call. Raises DomainError when it cannot be dialled."""

    def reserve_credits(self, payer_org_id: str, call: CallRef) -> None:
        """Reserve the first minutes, unless the call is over. Raises InsufficientCreditsError."""
