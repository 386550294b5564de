"""The look-ups of a call over the table's stores. Everything here blocks."""

from collections.abc import Collection, Mapping
from typing import Any

from media.calls.mcp_tools import McpEndpoint
from media.routes import InboundRefusal, InboundRoute, Line, OutboundRoute
from media.telephony.transfer_route import TransferRoute
from media.transfer_routes import TransferRoutes, trunk_route
from sovereign.assistants import Assistant, AssistantStore, EffectiveAssistant, Rejection, transient
from sovereign.calls import Call, CallRef, CallStore
from sovereign.calls.items import row_is_up
from sovereign.campaigns.permission import may_ring
from sovereign.catalog.defaults import default_configs
from sovereign.credits.limits import check_monthly_minutes
from sovereign.credits.store import CreditStore
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import ConflictError, InsufficientCreditsError, InvalidStateError
from sovereign.kernel.table import Put, Table
from sovereign.mcp_servers.store import McpServerStore
from sovereign.numbers import InboundAdmission, NumberStore, outbound_context
from sovereign.numbers import InboundRoute as NumberRoute
from sovereign.organizations import Organization
from sovereign.organizations.store import OrganizationStore
from sovereign.sip_trunks import TrunkStore
from sovereign.usage.store import usage_counter_ref
from sovereign.webhooks.accounts import StoredAccountWebhooks
from sovereign.workflows.running import RunnableWorkflow, runnable

__all__ = ["TableDirectory"]

_REASONS = {
    "unknown_source": "Unknown source",
    "unknown_number": "Unknown number",
    "no_assistant": "Temporarily unavailable",
    "assistant_inactive": "Temporarily unavailable",
}


class TableDirectory:
    """`CallDirectory` on the real stores."""

    def __init__(self, table: Table, cipher: Cipher, calls: CallStore) -> None:
        self._table = table
        self._cipher = cipher
        self._calls = calls
        self._assistants = AssistantStore(table, cipher)
        self._trunks = TrunkStore(table, cipher)
        self._admission = InboundAdmission(table, NumberStore(table), self._trunks)
        self._webhooks = StoredAccountWebhooks(OrganizationStore(table), cipher)
        self._credits = CreditStore(table)
        self._transfer_routes = TransferRoutes(table, self._trunks)
        self._mcp_servers = McpServerStore(table, cipher)
        self._do_not_call = DoNotCallStore(table)

    def inbound_route(self, called: str | None, source: str | None) -> InboundRoute | InboundRefusal:
        """The first step of admission, in the order of the documented refusals."""
        if source is None:
            return InboundRefusal(403, _REASONS["unknown_source"], drop=True)
        found = self._admission.resolve_inbound(called or "", source)
        if isinstance(found, NumberRoute):
            return self._inbound(found)
        # an unknown source gets no answer at all, so that a scanner learns nothing
        return InboundRefusal(found.sip_code or 403, _REASONS[found.code], drop=found.sip_code is None)

    def _inbound(self, found: NumberRoute) -> InboundRoute:
        organization = found.organization
        workflow = runnable(self._table, self._cipher, found.workflow) if found.workflow else None
        return InboundRoute(
            org_id=organization.id,
            number_id=found.number.id,
            number=found.number.phone_number,
            number_name=found.number.routing.name,
            assistant=self._base(found.assistant, workflow),
            workflow=workflow,
            trunk_id=found.trunk.id,
            account_webhook=self._webhooks.of(organization.id) if organization.webhook_url else None,
            announce_rejections=organization.announce_rejections,
            payer_org_id=organization.payer_id if _is_metered(organization) else None,
            has_minutes=self._has_minutes(organization),
            encrypted_only=found.trunk.settings.srtp == "required",
        )

    def _base(self, assistant: Assistant | None, workflow: RunnableWorkflow | None) -> EffectiveAssistant | None:
        """The number's assistant; a workflow without one speaks with the deployment's providers."""
        if assistant is not None:
            return self._assistants.ready(assistant)
        return transient(default_configs()) if workflow else None

    def answered(
        self, org_id: str, base: EffectiveAssistant | None, answer: Mapping[str, Any]
    ) -> EffectiveAssistant | Rejection | None:
        """Apply an `assistant-request` answer. Raises DomainError when it does not validate."""
        return self._assistants.answered(org_id, base, answer)

    def freeze(self, assistant: EffectiveAssistant, org_id: str, call_id: str) -> Mapping[str, Any]:
        """The stored form of a call's assistant, its secrets encrypted."""
        return assistant.freeze(self._cipher, org_id=org_id, call_id=call_id)

    def freeze_workflow(self, workflow: RunnableWorkflow, org_id: str, call_id: str) -> Put:
        """The write that keeps a call's workflow, its secrets encrypted."""
        return workflow.freeze(self._cipher, org_id=org_id, call_id=call_id)

    def may_still_ring(self, ref: CallRef) -> bool:
        """Whether a campaign's call may ring later than the decision to make it foresaw."""
        return may_ring(self._table, ref, utc_now())

    def outbound_route(self, call: Call) -> OutboundRoute:
        """How to dial a call. Raises DomainError when that is not possible (any more)."""
        if call.caller_phone is None:
            raise InvalidStateError("The call has no destination.")
        context = outbound_context(self._table, call.ref.org_id, call.number_id, destination=call.caller_phone)
        context.check_destination()
        frozen = self._calls.content.load_frozen_assistant(call.ref)
        organization = context.organization
        return OutboundRoute(
            trunk=trunk_route(context.trunk, self._trunks),
            caller=context.number.phone_number,
            destination=call.caller_phone,
            assistant=EffectiveAssistant.thaw(frozen, self._cipher, org_id=call.ref.org_id, call_id=call.ref.call_id),
            number_name=context.number.routing.name,
            account_webhook=self._webhooks.of(organization.id) if organization.webhook_url else None,
            metered=_is_metered(organization),
        )

    def transfer_route(self, org_id: str, line: Line, destination: str) -> TransferRoute:
        """How the caller on `line` gets to a number (only through the organization's trunk) or a SIP URI.

        Raises DomainError.
        """
        return self._transfer_routes.find(org_id, line, destination)

    def mcp_endpoints(self, org_id: str, server_ids: Collection[str]) -> list[McpEndpoint]:
        """Where MCP servers of the organization are, their headers in the clear; one that is gone is left out."""
        return [
            McpEndpoint(
                server_id=server.id,
                url=server.settings.url,
                transport=server.settings.transport,
                headers=self._mcp_servers.headers(server),
                timeout_seconds=float(server.settings.timeout_seconds),
            )
            for server in self._mcp_servers.get_many(org_id, server_ids)
        ]

    def reserve_credits(self, payer_org_id: str, call: CallRef) -> None:
        """Reserve the first minutes, unless the call is over. Raises InsufficientCreditsError."""
        self._credits.reserve(payer_org_id, call.org_id, call.call_id, while_up=row_is_up(call))

    def extend_credits(self, org_id: str, call_id: str, minutes: int) -> bool:
        """Make a metered call's reservation cover so many minutes in all; False when the balance does not suffice."""
        return self._credits.extend(org_id, call_id, minutes=minutes)

    def forbid_calls(self, org_id: str, number: str | None, call_id: str) -> None:
        """Put a number on the do-not-call list because the person asked for it during a call; it may be there."""
        if number is None:
            return
        try:
            self._do_not_call.add(org_id, Listing(phone_number=number, reason=f"Asked for during {call_id}"))
        except ConflictError:
            return

    def _has_minutes(self, organization: Organization) -> bool:
        if organization.monthly_minutes_limit is None:
            return True
        usage = self._table.get(usage_counter_ref(organization.id), consistent=True)
        try:
            check_monthly_minutes(organization, usage, utc_now())
        except InsufficientCreditsError:
            return False
        return True


def _is_metered(organization: Organization) -> bool:
    return organization.billing_mode == "metered"
