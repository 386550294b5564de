"""From a fact to its delivery: who is told, and the body that tells it."""

from typing import Protocol

from sovereign.assistants import EffectiveAssistant
from sovereign.calls.errors import CallNotFoundError
from sovereign.calls.events import CALL_ENDED, CALL_REPORTED
from sovereign.calls.model import Call, CallRef
from sovereign.calls.store import CallStore
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.recordings.links import RecordingLinks
from sovereign.webhooks import bodies
from sovereign.webhooks.bodies import CallDescription, Report
from sovereign.webhooks.delivery import Delivery, DeliveryStatus
from sovereign.webhooks.facts import FactNotice
from sovereign.webhooks.subscriptions import AccountWebhooks, AssistantSecrets, signed_as_now, thawed, webhook_of
from sovereign.webhooks.targets import WebhookTarget, choose_target


class NumberNames(Protocol):
    """Where a number's name comes from."""

    def name_of(self, org_id: str, number_id: str) -> str | None:
        """The name the organization gave its number, None when it has none or is gone."""


class FactRenderer:
    """Reads what a fact's webhook needs."""

    def __init__(
        self,
        *,
        calls: CallStore,
        accounts: AccountWebhooks,
        secrets: AssistantSecrets,
        numbers: NumberNames,
        cipher: Cipher,
        links: RecordingLinks | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._calls = calls
        self._accounts = accounts
        self._secrets = secrets
        self._cipher = cipher
        self._numbers = numbers
        self._links = links or RecordingLinks(clock)
        self._clock = clock

    def target(self, fact: FactNotice) -> WebhookTarget | None:
        """Where the fact goes as things are now, None when nobody is to be told."""
        assistant = self._assistant(fact.call)
        own = webhook_of(assistant)
        if own and assistant:
            own = signed_as_now(own, assistant, fact.call, self._secrets)
        return choose_target(fact.event, assistant=own, account=None if own else self._accounts.of(fact.call.org_id))

    def plan(self, fact: FactNotice) -> Delivery | None:
        """The delivery to begin, None when nobody is to be told."""
        target = self.target(fact)
        if target is None:
            return None
        call = self._calls.rows.get(fact.call)
        if fact.name == CALL_ENDED and call.bridged_at is not None:
            return None  # its last status was told when the caller was handed over
        return Delivery(
            ref=fact.delivery_ref,
            call_id=fact.call.call_id,
            call_number=fact.call.number,
            event=fact.event,
            fact=fact.name,
            sequence=fact.sequence,
            url=target.url,
            status=DeliveryStatus.PENDING,
            created_at=self._clock(),
            private=call.private,
        )

    def body(self, fact: FactNotice) -> bytes:
        """The body that tells the fact, with the status it reports even if the call has moved on since."""
        call = self._calls.content.load_whole(fact.call)
        described = self._described(call, fact)
        if fact.name == CALL_REPORTED:
            return bodies.end_of_call_report(described, _report(call, self._links.url(call)), fact.occurred_at)
        error = call.error if fact.status == "ended-with-error" else None
        return bodies.status_update(described, fact.occurred_at, error=error, end_reason=fact.end_reason)

    def _described(self, call: Call, fact: FactNotice) -> CallDescription:
        assistant = self._assistant(fact.call)
        return CallDescription(
            call_id=call.ref.call_id,
            direction=call.direction,
            status=fact.status,
            pipeline=assistant.pipeline if assistant else "standard",
            number_id=call.number_id,
            phone_number=call.assistant_phone,
            number_name=self._number_name(call.ref, call.number_id),
            customer_number=call.caller_phone,
            assistant=assistant.public_view() if assistant else None,
        )

    def _assistant(self, call: CallRef) -> EffectiveAssistant | None:
        try:
            frozen = self._calls.content.load_frozen_assistant(call)
        except CallNotFoundError:  # refused before it had one: nothing was frozen
            return None
        return thawed(frozen, self._cipher, call)

    def _number_name(self, ref: CallRef, number_id: str | None) -> str | None:
        return self._numbers.name_of(ref.org_id, number_id) if number_id else None


def _report(call: Call, recording_url: str | None) -> Report:
    spoken = [m for m in call.messages or () if m.role in ("user", "assistant")]
    return Report(
        duration_seconds=call.duration_seconds or 0,
        end_reason=call.end_reason.value if call.end_reason else None,
        started_at=call.started_at,
        ended_at=call.ended_at,
        summary=call.summary or "",
        messages=[{"role": m.role, "content": m.content} for m in spoken],
        cost=call.cost,
        analysis=call.analysis_result,
        analysis_error=call.analysis_error,
        recording_url=recording_url,
        transfer=call.transfer,
    )
