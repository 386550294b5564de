"""The look-ups of a call over the table's stores. Everything here blocks."""

from collections.abc import Mapping
from typing import Any

from media.routes import InboundRefusal, InboundRoute, OutboundRoute
from media.telephony.addresses import TrunkRoute
from sovereign.assistants import AssistantStore, EffectiveAssistant, Rejection
from sovereign.calls import Call, CallStore
from sovereign.credits.store import CreditStore
from sovereign.destinations import allowed_countries, check_destination, check_sip_target, is_sip_uri
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import InvalidStateError
from sovereign.kernel.table import Table
from sovereign.numbers import InboundAdmission, NumberStore, OutboundContext, outbound_context
from sovereign.numbers import InboundRoute as NumberRoute
from sovereign.organizations import Organization
from sovereign.organizations.store import OrganizationStore
from sovereign.provider_keys.ring import KeyRing
from sovereign.sip_trunks import SipTrunk, TrunkStore
from sovereign.webhooks.accounts import StoredAccountWebhooks

__all__ = ["TableDirectory"]

_REASONS = {
    "unknown_source": "Unknown source",
    "unknown_number": "Unknown number",
    "no_assistant": "Temporarily unavailable",
    "assistant_inactive": "Temporarily unavailable",
}


class TableDirectory:
    """`CallDirectory` on the real stores."""

    def __init__(self, table: Table, cipher: Cipher, calls: CallStore, keys: KeyRing) -> None:
        self._table = table
        self._cipher = cipher
        self._calls = calls
        self._keys = keys
        self._assistants = AssistantStore(table, cipher)
        self._trunks = TrunkStore(table, cipher)
        self._admission = InboundAdmission(table, NumberStore(table), self._trunks)
        self._webhooks = StoredAccountWebhooks(OrganizationStore(table), cipher)
        self._credits = CreditStore(table)

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
        return InboundRoute(
            org_id=organization.id,
            number_id=found.number.id,
            number=found.number.phone_number,
            number_name=found.number.routing.name,
            assistant=self._assistants.effective(found.assistant) if found.assistant else None,
            account_webhook=self._webhooks.of(organization.id) if organization.webhook_url else None,
            announce_rejections=organization.announce_rejections,
            payer_org_id=_payer(organization),
        )

    def answered(
        self, org_id: str, base: EffectiveAssistant | None, answer: Mapping[str, Any]
    ) -> EffectiveAssistant | Rejection | None:
        """Apply an `assistant-request` answer. Raises DomainError when it does not validate."""
        return self._assistants.answered(org_id, base, answer)

    def freeze(self, assistant: EffectiveAssistant, org_id: str, call_id: str) -> Mapping[str, Any]:
        """The stored form of a call's assistant, its secrets encrypted."""
        return assistant.freeze(self._cipher, org_id=org_id, call_id=call_id)

    def outbound_route(self, call: Call) -> OutboundRoute:
        """How to dial a call. Raises DomainError when that is not possible (any more)."""
        if call.caller_phone is None:
            raise InvalidStateError("The call has no destination.")
        context = outbound_context(self._table, call.ref.org_id, call.number_id)
        check_destination(call.caller_phone, _countries(context))
        frozen = self._calls.load_frozen_assistant(call.ref)
        organization = context.organization
        return OutboundRoute(
            trunk=self._trunk(context.trunk),
            caller=context.number.phone_number,
            destination=call.caller_phone,
            assistant=EffectiveAssistant.thaw(frozen, self._cipher, org_id=call.ref.org_id, call_id=call.ref.call_id),
            number_name=context.number.routing.name,
            account_webhook=self._webhooks.of(organization.id) if organization.webhook_url else None,
        )

    def transfer_target(self, org_id: str, number_id: str | None, destination: str) -> str:
        """The SIP URI for a transfer to a number (through the organization's trunk) or SIP URI. Raises DomainError."""
        if is_sip_uri(destination):
            return check_sip_target(destination).uri
        context = outbound_context(self._table, org_id, number_id)
        number = check_destination(destination, _countries(context))
        return f"sip:{number}@{context.trunk.settings.address}"

    def reserve_credits(self, payer_org_id: str, org_id: str, call_id: str) -> None:
        """Reserve the first minutes. Raises InsufficientCreditsError."""
        self._credits.reserve(payer_org_id, org_id, call_id)

    def byok(self, org_id: str, assistant: EffectiveAssistant) -> frozenset[str]:
        """Which of `stt`, `llm`, `tts` the call runs with the organization's own keys."""
        used = {"stt": assistant.stt, "llm": assistant.llm, "tts": assistant.tts}
        found = {kind: self._keys.lookup(org_id, config.provider) for kind, config in used.items() if config}
        return frozenset(kind for kind, key in found.items() if key and key.byok)

    def _trunk(self, trunk: SipTrunk) -> TrunkRoute:
        settings = trunk.settings
        # the host is checked as it resolves now: a name saved earlier may have moved to a private address
        check_sip_target(f"sip:{settings.outbound_proxy or settings.address}", field="trunk.address")
        return TrunkRoute(
            trunk_id=trunk.id,
            address=settings.address,
            transport=settings.transport,
            auth_username=settings.auth_username,
            auth_password=self._trunks.password(trunk),
            outbound_proxy=settings.outbound_proxy,
            from_domain=settings.from_domain,
        )


def _countries(context: OutboundContext) -> frozenset[str]:
    return allowed_countries(context.organization.outbound_policy, context.own_numbers)


def _payer(organization: Organization) -> str | None:
    return organization.payer_id if organization.billing_mode == "metered" else None
