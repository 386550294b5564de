"""Every vendor of a language model or a voice, as the suites use them: its stand-in and how its adapter is opened."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from media.speech.adapters import AdapterContext
from media.speech.interfaces import ChatMessage, ChatModel, Synthesiser
from media.speech.llm import google as google_chat
from media.speech.llm import mistral as mistral_chat
from media.speech.llm import openai as openai_chat
from media.speech.llm import xai as xai_chat
from media.speech.tts import elevenlabs, google, inworld, openai, xai
from sovereign.catalog.llm import GoogleLlm, MistralLlm, OpenAiLlm, XaiLlm
from sovereign.catalog.prices import Price, price_of
from sovereign.catalog.tts import ElevenLabsTts, GoogleTts, InworldTts, OpenAiTts, XaiTts
from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.google import FakeChirp, FakeGoogle, service_account
from tests.fakes.inworld import FakeInworld
from tests.fakes.mistral import FakeMistral
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Trouble
from tests.fakes.xai import FakeXai

Use = Callable[[str, str], AsyncIterator[Any]]
NO_FILES = Path("/nonexistent")


def _same(key: str) -> str:
    return key


@dataclass(frozen=True)
class ChatVendor:
    """`path` follows the stand-in's address; `key` spells a key as this vendor wants it; `config` is the least."""

    fake: Callable[..., Any]
    module: Any
    config_type: Any
    config: dict[str, Any]
    path: str = ""
    key: Callable[[str], str] = _same

    def open(self, url: str, key: str, **members: Any) -> ChatModel:
        config = self.config_type.model_validate(self.config | members)
        context = AdapterContext(self.key(key), url + self.path, NO_FILES)
        return cast("ChatModel", self.module.open_adapter(config, context))

    async def use(self, url: str, key: str) -> AsyncIterator[Any]:
        model = self.open(url, key)
        try:
            async with aclosing(cast("Any", model.stream([ChatMessage("user", "Hi")], []))) as events:
                async for event in events:
                    yield event
        finally:
            await model.close()


@dataclass(frozen=True)
class VoiceVendor:
    """As `ChatVendor`. `full` is every member of the configuration, `sent` what the stand-in must have been asked."""

    fake: Callable[[Trouble | None], Any]
    module: Any
    config_type: Any
    config: dict[str, Any]
    full: dict[str, Any]
    sent: dict[str, Any]
    path: str = ""
    key: Callable[[str], str] = _same
    usage: dict[str, Any] = field(default_factory=dict)

    def open(self, url: str, key: str, **members: Any) -> Synthesiser:
        config = self.config_type.model_validate(self.config | members)
        context = AdapterContext(self.key(key), url + self.path, NO_FILES)
        return cast("Synthesiser", self.module.open_adapter(config, context))

    @property
    def price(self) -> Price | None:
        config = self.config_type.model_validate(self.config)
        return price_of("tts", config.provider, getattr(config, "model", None))

    async def use(self, url: str, key: str) -> AsyncIterator[Any]:
        voice = self.open(url, key)
        try:
            async with aclosing(cast("Any", voice.stream("One sentence to say."))) as audio:
                async for pcm in audio:
                    yield pcm
        finally:
            await voice.close()


CHATS = {
    "openai": ChatVendor(FakeOpenAI, openai_chat, OpenAiLlm, {"provider": "openai", "model": "gpt-5.4"}, "/v1"),
    "xai": ChatVendor(FakeXai, xai_chat, XaiLlm, {"provider": "xai", "model": "grok-4.3"}, "/v1"),
    "mistral": ChatVendor(
        FakeMistral, mistral_chat, MistralLlm, {"provider": "mistral", "model": "mistral-medium-latest"}
    ),
    "google": ChatVendor(
        FakeGoogle, google_chat, GoogleLlm, {"provider": "google", "model": "gemini-2.5-flash"}, key=service_account
    ),
}
SENTENCE = "A sentence to say."
VOICES = {
    "openai": VoiceVendor(
        FakeOpenAI,
        openai,
        OpenAiTts,
        {"provider": "openai", "voice_id": "coral"},
        {"speed": 1.25, "instructions": "Softly"},
        {
            "input": SENTENCE, "model": "gpt-4o-mini-tts", "voice": "coral", "response_format": "pcm", "speed": 1.25,
            "instructions": "Softly",
        },
        "/v1",
    ),
    "elevenlabs": VoiceVendor(
        FakeElevenLabs,
        elevenlabs,
        ElevenLabsTts,
        {"provider": "elevenlabs", "voice_id": "v1"},
        {
            "stability": 0.4, "similarity_boost": 0.5, "style": 0.6, "speed": 1.1, "use_speaker_boost": True,
            "apply_text_normalization": "on", "apply_language_text_normalization": True, "language": "ja",
        },
        {
            "text": SENTENCE, "voice_id": "v1", "model_id": "eleven_flash_v2_5", "output_format": "pcm_16000",
            "language_code": "ja", "apply_text_normalization": "on", "apply_language_text_normalization": True,
            "voice_settings": {
                "stability": 0.4, "similarity_boost": 0.5, "style": 0.6, "speed": 1.1, "use_speaker_boost": True,
            },
        },
    ),
    "inworld": VoiceVendor(
        FakeInworld,
        inworld,
        InworldTts,
        {"provider": "inworld", "voice_id": "Ashley"},
        {"language": "nl-NL", "speed": 1.5},
        {
            "text": SENTENCE, "voiceId": "Ashley", "modelId": "inworld-tts-2", "language": "nl-NL",
            "audioConfig": {"audioEncoding": "LINEAR16", "sampleRateHertz": 16_000, "speakingRate": 1.5},
        },
    ),
    "xai": VoiceVendor(
        FakeXai,
        xai,
        XaiTts,
        {"provider": "xai", "voice_id": "ara"},
        {"language": "nl"},
        {"text": SENTENCE, "voice": "ara", "language": "nl", "codec": "pcm", "sample_rate": "24000"},
        "/v1",
    ),
    "google-gemini": VoiceVendor(
        FakeGoogle,
        google,
        GoogleTts,
        {"provider": "google", "voice_id": "Kore"},
        {"instructions": "Say cheerfully", "language": "nl"},
        {
            "model": "gemini-3.1-flash-tts-preview", "verb": "streamGenerateContent",
            "contents": [{"role": "user", "parts": [{"text": f"Say cheerfully: {SENTENCE}"}]}],
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                # the SDK's own spelling; the API takes both
                "speechConfig": {
                    "voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}, "language_code": "nl",
                },
            },
        },
        usage={"input_tokens": 20, "output_tokens": 5, "output_audio_tokens": 5},
    ),
    "google-chirp": VoiceVendor(
        FakeChirp,
        google,
        GoogleTts,
        {"provider": "google", "voice_id": "Kore", "model": "chirp-3-hd"},
        {"language": "nl", "speaking_rate": 1.5},
        {
            "text": SENTENCE, "voice": "nl-NL-Chirp3-HD-Kore", "language": "nl-NL", "rate": 24_000, "speed": 1.5,
            "encoding": "PCM",
        },
        key=service_account,
    ),
}  # fmt: skip
