"""What works on a call after it ended: the model for summary and analysis, the recogniser for a second transcript."""

from collections.abc import Mapping
from typing import Literal

from sovereign.catalog.base import ProviderConfig
from sovereign.catalog.languages import Language
from sovereign.catalog.llm import GoogleModel, MistralModel, OpenAiModel


class PostcallLlm(ProviderConfig):
    """The model that writes the summary and fills the analysis schema; left out, `model` is the provider's default."""

    model: str
    language: Language | None = None


class LocalPostcallLlm(PostcallLlm):
    """Keyless: sentences picked from the transcript, slots filled by matching."""

    provider: Literal["local"]
    model: Literal["extractive"] = "extractive"


class OpenAiPostcallLlm(PostcallLlm):
    """OpenAI, or any service that speaks its protocol."""

    provider: Literal["openai"]
    model: OpenAiModel = "gpt-5.4-mini"


class XaiPostcallLlm(PostcallLlm):
    """xAI."""

    provider: Literal["xai"]
    model: Literal["grok-4.3"] = "grok-4.3"


class MistralPostcallLlm(PostcallLlm):
    """Mistral."""

    provider: Literal["mistral"]
    model: MistralModel = "mistral-medium-latest"


class GooglePostcallLlm(PostcallLlm):
    """Gemini on Vertex AI."""

    provider: Literal["google"]
    model: GoogleModel = "gemini-2.5-flash-lite"


class PostcallStt(ProviderConfig):
    """The recogniser that transcribes the recording of a realtime call."""

    model: str
    language: Language | None = None


class ElevenLabsPostcallStt(PostcallStt):
    """ElevenLabs' batch recogniser."""

    provider: Literal["elevenlabs"]
    model: Literal["scribe_v2"] = "scribe_v2"


class DeepgramPostcallStt(PostcallStt):
    """Deepgram's batch recogniser."""

    provider: Literal["deepgram"]
    model: Literal["nova-3", "nova-3-general"] = "nova-3"


_CONFIGS: Mapping[str, type[PostcallLlm]] = {
    "local": LocalPostcallLlm,
    "openai": OpenAiPostcallLlm,
    "xai": XaiPostcallLlm,
    "mistral": MistralPostcallLlm,
    "google": GooglePostcallLlm,
}
_VENDOR_OF = {"openai_live": "openai", "xai_realtime": "xai", "google_realtime": "google"}


def default_postcall_llm(llm_provider: str) -> PostcallLlm:
    """The after-call model of an assistant that names none: its own vendor's. Raises KeyError for an unknown vendor."""
    vendor = _VENDOR_OF.get(llm_provider, llm_provider)
    return _CONFIGS[vendor].model_validate({"provider": vendor})
