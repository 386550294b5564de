"""The effective assistant as the parts of a call see it: typed settings, what webhooks show, the frozen form."""

import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field

from sovereign.assistants.model import to_document
from sovereign.assistants.rotation import ReplacedSecret
from sovereign.assistants.sealed import Document, Owner, Sealed, seal, unseal, without_secrets
from sovereign.assistants.settings import AssistantMembers, with_addresses_alone
from sovereign.catalog.base import Strict
from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.postcall import PostcallLlm, default_postcall_llm
from sovereign.catalog.problems import read_stored
from sovereign.catalog.speech import Silence, SpeechConfig, TurnTaking
from sovereign.catalog.stt import SttConfig
from sovereign.catalog.tools import EndCallTool, Tool
from sovereign.catalog.tts import TtsConfig
from sovereign.kernel.documents import FROZEN_BYTES
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.ids import Direction

LONGEST_CALL_SECONDS = 14400
"""Where `max_duration_seconds` is null: the largest bound it could have been given."""

_REPLACED = "replaced_webhook_secret"

_SHOWN = (
    "llm_config", "stt_config", "tts_config", "first_message", "max_duration_seconds", "analysis_plan",
    "autonomous_silence_handling", "voicemail_detection", "voicemail_message", "business_name", "metadata",
)  # fmt: skip


class EffectiveAssistant(Strict):
    """What a call runs with. `settings` holds secrets in the clear: never log or return it, use `public_view`.

    `assistant_id` and `assistant_name` are None for a transient assistant; `echoed` are the unknown members an
    `assistant-request` answer added, shown again in later events.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    assistant_id: str | None = None
    assistant_name: str | None = None
    settings: AssistantMembers = Field(repr=False)
    echoed: dict[str, Any] = Field(default_factory=dict, repr=False)
    replaced_webhook_secret: ReplacedSecret | None = Field(default=None, repr=False)

    @property
    def llm(self) -> LlmConfig:
        """The model. A realtime one (`kind == "realtime"`) has neither recogniser nor synthesiser beside it."""
        config = self.settings.llm_config
        if config is None:
            raise ValueError("an effective assistant always has a model")
        return config

    @property
    def stt(self) -> SttConfig | None:
        """The recogniser of a pipeline call."""
        return self.settings.stt_config

    @property
    def tts(self) -> TtsConfig | None:
        """The synthesiser of a pipeline call."""
        return self.settings.tts_config

    @property
    def pipeline(self) -> Literal["standard", "realtime"]:
        """`call.pipeline` of the webhooks."""
        return "realtime" if self.llm.kind == "realtime" else "standard"

    @property
    def tools(self) -> list[Tool]:
        """The tools offered to the model; handling silence by itself needs the means to hang up."""
        tools = list(self.llm.tools)
        if self.settings.autonomous_silence_handling and not any(isinstance(t, EndCallTool) for t in tools):
            tools.append(EndCallTool(type="end_call"))
        return tools

    @property
    def speech(self) -> SpeechConfig:
        """The speech settings; parts may be None (see `turn_taking`, `silence`)."""
        return self.settings.speech_config or SpeechConfig()

    @property
    def turn_taking(self) -> TurnTaking:
        """The turn-taking settings with their defaults, in seconds."""
        return self.speech.turn_taking or TurnTaking()

    @property
    def silence(self) -> Silence | None:
        """How to treat a silent caller; None when that is off. Without settings the first check is the timeout's."""
        if not self.settings.autonomous_silence_handling:
            return None
        timeout = float(self.settings.silence_timeout_seconds)
        # the timeout may exceed the bound of `first_check_seconds`, so it is put in unchecked
        return self.speech.silence or Silence().model_copy(update={"first_check_seconds": timeout})

    @property
    def max_duration_seconds(self) -> int:
        """After how long the call ends, whatever happens."""
        return self.settings.max_duration_seconds or LONGEST_CALL_SECONDS

    @property
    def postcall_llm(self) -> PostcallLlm:
        """The model for summary and analysis; the vendor's default where the assistant names none."""
        return self.settings.postcall_llm or default_postcall_llm(self.llm.provider)

    def greeting(self, direction: Direction) -> str | None:
        """What is said first; None means the model opens."""
        outbound = self.speech.first_message_outbound if direction == "outbound" else None
        return outbound or self.settings.first_message

    def document(self) -> Document:
        """Every member as JSON values, secrets in the clear."""
        return to_document(self.settings)

    def public_view(self) -> dict[str, Any]:
        """The `assistant` object of webhook bodies: the effective members, what an answer added, no secret."""
        document = self.document()
        return without_secrets({**self.echoed, **{name: document[name] for name in _SHOWN}})

    def freeze(self, cipher: Cipher, *, org_id: str, call_id: str) -> dict[str, Any]:
        """The stored form as JSON values, secrets encrypted for this call.

        Raises BodyTooLargeError when it does not fit: an override or an answer may bring many secrets.
        """
        replaced = self.replaced_webhook_secret
        whole = {**self.document(), "echoed": self.echoed, _REPLACED: replaced.document() if replaced else None}
        sealed = seal(whole, cipher, _owner(org_id, call_id), literal=True, limit=FROZEN_BYTES)
        return {
            "assistant_id": self.assistant_id,
            "assistant_name": self.assistant_name,
            "document": sealed.document,
            "secrets": dict(sealed.tokens),
        }

    @classmethod
    def thaw(cls, frozen: Mapping[str, Any], cipher: Cipher, *, org_id: str, call_id: str) -> Self:
        """The effective assistant of a call from its stored form.

        Members this version does not know are passed over: while a deploy is under way a newer container or function
        may have frozen what an older one reads.
        """
        sealed = Sealed(_read(frozen["document"]), _read(frozen["secrets"]))
        document = unseal(sealed, cipher, _owner(org_id, call_id))
        return cls(
            assistant_id=frozen["assistant_id"],
            assistant_name=frozen["assistant_name"],
            echoed=document.pop("echoed"),
            replaced_webhook_secret=ReplacedSecret.from_document(document.pop(_REPLACED, None)),
            settings=read_stored(AssistantMembers, with_addresses_alone(document)),
        )


def _read(part: Any) -> Any:
    # calls that began before these were values have them as texts, whose quotes were escaped once more in the item
    return json.loads(part) if isinstance(part, str) else part


def _owner(org_id: str, call_id: str) -> Owner:
    return Owner(org_id, f"call/{call_id}")
