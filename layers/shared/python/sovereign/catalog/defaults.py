"""The configurations an assistant gets when it names none: one set per kind of deployment."""

from collections.abc import Mapping
from typing import Any, Literal

from sovereign.kernel.settings import Environment, read_environment

DefaultSet = Literal["local", "cloud"]

_SETS: Mapping[DefaultSet, Mapping[str, Mapping[str, Any]]] = {
    "local": {
        "llm_config": {"provider": "local", "model": "intents"},
        "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
        "tts_config": {"provider": "local", "voice_id": "heart"},
    },
    "cloud": {
        "llm_config": {"provider": "openai", "model": "gpt-5.4"},
        "stt_config": {"provider": "deepgram", "model": "nova-3", "language": "multi"},
        # "George", the premade voice of ElevenLabs' own quick start: every account may use it
        "tts_config": {"provider": "elevenlabs", "voice_id": "JBFqnCBsd6RMkjVDRZzb"},
    },
}


class _Deployment(Environment):
    default_providers: DefaultSet = "cloud"


def default_configs(which: DefaultSet | None = None) -> dict[str, dict[str, Any]]:
    """`llm_config`, `stt_config` and `tts_config` of a set; without a name the deployment's (DEFAULT_PROVIDERS)."""
    chosen = which or read_environment(_Deployment).default_providers
    return {name: dict(config) for name, config in _SETS[chosen].items()}
