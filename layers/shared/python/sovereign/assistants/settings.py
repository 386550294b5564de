"""Every writable member of an assistant with its type, default and bounds."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sovereign.assistants.json_values import check_size
from sovereign.catalog.base import Strict
from sovereign.catalog.json_schema import check_schema
from sovereign.catalog.registry import AnyLlm, AnyPostcallLlm, AnyPostcallStt, AnyStt, AnyTts
from sovereign.catalog.speech import SpeechConfig
from sovereign.catalog.tools import Url, Uuid
from sovereign.webhooks.targets import WebhookEventName

METADATA_BYTES = 8 * 1024
DEFAULT_AI_DISCLOSURE = "You are speaking with an AI assistant."
"""Spoken first on every call unless an assistant replaces it or sets it to null: people may know what they talk to."""


def _check_email(address: str) -> str:
    from pydantic import validate_email  # noqa: PLC0415 - its parser is needed only when an address is sent

    try:
        validate_email(address)
    except ValueError:
        raise ValueError("must be a valid e-mail address") from None
    if "<" in address or address != address.strip():  # what pydantic takes for an address with a name, or cuts off
        raise ValueError("must be the e-mail address alone, without a name or spaces around it")
    return address


def with_addresses_alone(document: Mapping[str, Any]) -> dict[str, Any]:
    """A stored document with its e-mail addresses as they are taken now: older versions stored a name or spaces around
    an address with it, which must not cost a call."""
    known = dict(document)
    if isinstance(one := known.get("notification_email"), str):
        known["notification_email"] = _address_in(one)
    if isinstance(several := known.get("notification_emails"), list):
        known["notification_emails"] = list(dict.fromkeys(map(_address_in, several)))
    return known


def _address_in(stored: str) -> str:
    if "<" not in stored and stored == stored.strip():
        return stored
    from pydantic import validate_email  # noqa: PLC0415 - only for addresses of that time

    try:
        return validate_email(stored)[1]
    except ValueError:
        return stored


def _unique(values: list[Any]) -> list[Any]:
    if len(set(values)) != len(values):
        raise ValueError("must not repeat an entry")
    return values


def _check_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    return check_size(metadata, METADATA_BYTES)


Name = Annotated[str, Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=1000)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_check_email)]
Secret = Annotated[str, Field(min_length=1, max_length=512)]


class AnalysisMessage(Strict):
    """A message to the model that fills the schema; `{{schema}}`, `{{transcript}}`, `{{ended_reason}}` are replaced."""

    role: Literal["system", "user"]
    content: str


class StructuredDataPlan(Strict):
    """What is to be read out of a call: a JSON Schema, or a template that holds one."""

    enabled: bool = True
    json_schema: Annotated[dict[str, Any], AfterValidator(check_schema)] | None = Field(default=None, alias="schema")
    messages: list[AnalysisMessage] = Field(default_factory=list)
    template_id: Uuid | None = None

    @model_validator(mode="after")
    def _has_a_schema(self) -> Self:
        if self.enabled and self.json_schema is None and self.template_id is None:
            raise ValueError("needs a schema, or a template_id, while it is enabled")
        return self


class AnalysisPlan(Strict):
    """What happens to a call afterwards; a conversation with fewer messages than the threshold is left alone."""

    structured_data_plan: StructuredDataPlan | None = None
    min_messages_threshold: int = Field(default=2, ge=0)


class RecordingConsent(Strict):
    """Asks an inbound caller for consent by key before anything is heard by a provider."""

    enabled: bool
    message: Annotated[str, Field(min_length=1, max_length=1000)]


class CallMembers(Strict):
    """The members that an override or a transient assistant may name too. Durations are in seconds."""

    first_message: Line | None = None
    stt_config: AnyStt | None = None
    llm_config: AnyLlm | None = None
    tts_config: AnyTts | None = None
    speech_config: SpeechConfig | None = None
    analysis_plan: AnalysisPlan | None = None
    max_duration_seconds: Annotated[int, Field(ge=10, le=14400)] | None = 1800
    autonomous_silence_handling: bool = False
    silence_timeout_seconds: int = Field(default=8, ge=1, le=120)
    voicemail_detection: bool | None = False
    voicemail_message: str | None = None
    webhook_url: Url | None = None
    webhook_secret: Secret | None = None
    webhook_events: Annotated[list[WebhookEventName], AfterValidator(_unique)] | None = None
    metadata: Annotated[dict[str, Any], AfterValidator(_check_metadata)] | None = None


class AssistantMembers(CallMembers):
    """Everything an assistant has but its name."""

    business_name: Annotated[str, Field(max_length=200)] | None = None
    notification_email: Email | None = None
    notification_emails: Annotated[list[Email], Field(max_length=5), AfterValidator(_unique)] | None = None
    is_active: bool = True
    gdpr_mode: bool = False
    recording_consent: RecordingConsent | None = None
    recording_enabled: bool = False
    postcall_stt: AnyPostcallStt | None = None
    postcall_llm: AnyPostcallLlm | None = None
    recording_notice: Line | None = None
    ai_disclosure: Line | None = DEFAULT_AI_DISCLOSURE


class AssistantSettings(AssistantMembers):
    """A whole assistant as it is created: only `name` is required."""

    name: Name


class AssistantChanges(AssistantMembers):
    """A change: only the members that were sent count, and a null clears."""

    name: Name = Field(default_factory=str)
