"""Voice names of the vendors whose voices are a closed list, and the voices this deployment itself brings."""

from dataclasses import dataclass
from typing import Literal, get_args

GeminiVoice = Literal[
    "Puck", "Achernar", "Achird", "Algenib", "Algieba", "Alnilam", "Aoede", "Autonoe", "Callirrhoe", "Charon",
    "Despina", "Enceladus", "Erinome", "Fenrir", "Gacrux", "Iapetus", "Kore", "Laomedeia", "Leda", "Orus",
    "Pulcherrima", "Rasalgethi", "Sadachbia", "Sadaltager", "Schedar", "Sulafat", "Umbriel", "Vindemiatrix",
    "Zephyr", "Zubenelgenubi",
]  # fmt: skip
XaiVoice = Literal[
    "ara", "eve", "leo", "rex", "sal", "altair", "atlas", "carina", "castor", "celeste", "cosmo", "helios", "helix",
    "iris", "kepler", "lumen", "luna", "lux", "naksh", "orion", "perseus", "rigel", "sirius", "ursa", "zagan", "zenith",
]  # fmt: skip
OpenAiLiveVoice = Literal["marin", "beacon", "cinder", "stone", "vesper"]
OpenAiVoice = Literal[
    "alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse", "marin", "cedar",
]  # fmt: skip
LocalVoice = Literal["heart"]

GEMINI_VOICES: tuple[str, ...] = get_args(GeminiVoice)
XAI_VOICES: tuple[str, ...] = get_args(XaiVoice)
OPENAI_LIVE_VOICES: tuple[str, ...] = get_args(OpenAiLiveVoice)
OPENAI_VOICES: tuple[str, ...] = get_args(OpenAiVoice)
LOCAL_VOICES: tuple[str, ...] = get_args(LocalVoice)


@dataclass(frozen=True)
class BuiltInVoice:
    """A voice that needs no key: `id` is the `tts_config.voice_id`, the descriptions are for people."""

    id: str
    name: str
    language: str
    description_en: str
    description_nl: str


BUILT_IN_VOICES: tuple[BuiltInVoice, ...] = (BuiltInVoice("heart", "Heart", "en", "Heart (English)", "Heart (Engels)"),)
"""Sorted by language, then name: the order in which `GET /voices` lists them."""
