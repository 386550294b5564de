"""Which providers, models, voices and bounds an assistant may be configured with. No SDK, no key, no network."""

from sovereign.catalog.base import ProviderConfig
from sovereign.catalog.defaults import default_configs
from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.problems import problems_of, validate
from sovereign.catalog.realtime import RealtimeConfig
from sovereign.catalog.registry import (
    BYOK_PROVIDERS,
    AnyLlm,
    AnyStt,
    AnyTts,
    Provider,
    is_realtime,
    provider,
    providers,
)
from sovereign.catalog.speech import SpeechConfig
from sovereign.catalog.stt import SttConfig
from sovereign.catalog.tools import Tool, WebhookTool
from sovereign.catalog.tts import TtsConfig
from sovereign.catalog.voices import BUILT_IN_VOICES

__all__ = [
    "BUILT_IN_VOICES",
    "BYOK_PROVIDERS",
    "AnyLlm",
    "AnyStt",
    "AnyTts",
    "LlmConfig",
    "Provider",
    "ProviderConfig",
    "RealtimeConfig",
    "SpeechConfig",
    "SttConfig",
    "Tool",
    "TtsConfig",
    "WebhookTool",
    "default_configs",
    "is_realtime",
    "problems_of",
    "provider",
    "providers",
    "validate",
]
