"""Whether an inbound call is taken, and by whom: source first, then number, then assistant (behaviour: Admission).

Blocking; the container runs it in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sovereign.assistants import Assistant
from sovereign.assistants.store import assistant_from_item, assistant_ref
from sovereign.kernel.table import Table
from sovereign.numbers.called import called_number
from sovereign.numbers.items import Holder, number_from_item, number_ref
from sovereign.numbers.model import Number
from sovereign.numbers.store import NumberStore
from sovereign.organizations import Organization, organization_ref
from sovereign.organizations.items import from_item as organization_from_item
from sovereign.sip_trunks import SipTrunk, TrunkStore, is_known_source
from sovereign.workflows import Workflow
from sovereign.workflows.store import workflow_from_item, workflow_ref

RefusalCode = Literal["unknown_source", "unknown_number", "no_assistant", "assistant_inactive"]

SIP_CODES: dict[RefusalCode, int | None] = {
    "unknown_source": None,
    "unknown_number": 404,
    "no_assistant": 480,
    "assistant_inactive": 480,
}
"""What an edge answers; None = nothing at all, so that a scanner learns nothing."""


@dataclass(frozen=True)
class InboundRoute:
    """A call that may be taken. `assistant` is None where the organization's account webhook defines the call, or the
    `workflow` does with the deployment's providers. An active workflow beats the assistant, which lends it its own.

    `verified` tells whether the number is (perhaps through this very call) the organization's own.
    """

    organization: Organization
    number: Number
    trunk: SipTrunk
    assistant: Assistant | None
    verified: bool
    workflow: Workflow | None = None


@dataclass(frozen=True)
class InboundRefusal:
    """A call that is not taken. `number` is None while the source gives no right to know about numbers."""

    code: RefusalCode
    number: Number | None = None

    @property
    def sip_code(self) -> int | None:
        """The SIP status to answer, None for none."""
        return SIP_CODES[self.code]


@dataclass(frozen=True)
class _Match:
    holder: Holder
    trunk: SipTrunk
    only_one: bool


class InboundAdmission:
    """Resolves inbound calls."""

    def __init__(self, table: Table, numbers: NumberStore, trunks: TrunkStore) -> None:
        self._table = table
        self._numbers = numbers
        self._trunks = trunks

    def resolve_inbound(self, called: str, source: str) -> InboundRoute | InboundRefusal:
        """`called` as `called_number` reads it (E.164, a SIP URI, ...); `source` is the caller's IP address.

        Four requests in the usual case: holders, trunks, number and organization, assistant. A pending number called
        through the organization's trunk becomes verified, unless another holder's trunk takes this source too.
        """
        number = called_number(called)
        holders = self._numbers.holders(number) if number else []
        match = self._match(holders, source)
        if match is None:
            unknown_to_all = not holders and is_known_source(self._table, source)
            return InboundRefusal("unknown_number" if unknown_to_all else "unknown_source")
        return self._route(match)

    def _match(self, holders: Sequence[Holder], source: str) -> _Match | None:
        """The holder whose trunk accepts the source; a verified owner's claim ends the search."""
        found: list[tuple[Holder, SipTrunk]] = []
        for holder in holders:
            if trunk := self._trunks.accepting(holder.org_id, source):
                found.append((holder, trunk))
                if holder.verified:
                    break
        return _Match(*found[0], only_one=len(found) == 1) if found else None

    def _route(self, match: _Match) -> InboundRoute | InboundRefusal:
        org_id = match.holder.org_id
        keys = number_ref(org_id, match.holder.number_id), organization_ref(org_id)
        found = self._table.get_many(keys, consistent=True)
        if any(key not in found for key in keys):
            return InboundRefusal("unknown_number")
        number, organization = number_from_item(found[keys[0]]), organization_from_item(found[keys[1]])
        verified = match.holder.verified or (match.only_one and self._numbers.claim_by_call(org_id, number.id))
        if organization.suspended or not number.routing.is_active:
            return InboundRefusal("no_assistant", number)
        assistant, workflow = self._answerers(number)
        if assistant is None and workflow is None and not _account_webhook_asks(organization):
            return InboundRefusal("no_assistant", number)
        if assistant is not None and not assistant.is_active:
            return InboundRefusal("assistant_inactive", number)
        return InboundRoute(organization, number, match.trunk, assistant, verified, workflow)

    def _answerers(self, number: Number) -> tuple[Assistant | None, Workflow | None]:
        """The number's assistant, and its workflow if that is active."""
        routing = number.routing
        by_assistant = assistant_ref(number.org_id, routing.agent_id) if routing.agent_id else None
        by_workflow = workflow_ref(number.org_id, routing.workflow_id) if routing.workflow_id else None
        found = self._table.get_many([key for key in (by_assistant, by_workflow) if key], consistent=True)
        assistant, workflow = (found.get(key) if key else None for key in (by_assistant, by_workflow))
        follows = workflow_from_item(workflow) if workflow and workflow["is_active"] else None
        return assistant_from_item(assistant) if assistant else None, follows


def _account_webhook_asks(organization: Organization) -> bool:
    """Whether the account webhook is asked for calls to a number without an assistant."""
    events = organization.webhook_events
    return organization.webhook_url is not None and (events is None or "assistant-request" in events)
