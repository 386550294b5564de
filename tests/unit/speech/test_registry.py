from pathlib import Path
from typing import Any

import pytest

from media.speech.adapters import AdapterContext
from media.speech.interfaces import BadKeyError, ProviderError
from media.speech.llm.openai import OpenAIChat
from media.speech.local.intents import IntentModel
from media.speech.local.recogniser import LocalRecogniser
from media.speech.local.small_talk import SmallTalkModel
from media.speech.local.synthesiser import LocalSynthesiser
from media.speech.registry import Providers
from media.speech.stt.deepgram import DeepgramRecogniser
from media.speech.stt.elevenlabs import ElevenLabsRecogniser
from media.speech.stt.gladia import GladiaRecogniser
from media.speech.stt.mistral import MistralRecogniser
from media.speech.tts.elevenlabs import ElevenLabsSpeech
from media.speech.tts.openai import OpenAISpeech
from sovereign.catalog.llm import GoogleLlm, LocalLlm, OpenAiLlm
from sovereign.catalog.stt import DeepgramStt, ElevenLabsStt, GladiaStt, GoogleStt, LocalStt, MistralStt, SttConfig
from sovereign.catalog.tts import ElevenLabsTts, LocalTts, OpenAiTts
from sovereign.provider_keys import ProviderKey

LOCAL_LLM = LocalLlm.model_validate({"provider": "local", "model": "intents"})
LOCAL_STT = LocalStt.model_validate({"provider": "local", "model": "moonshine-base-en", "language": "en"})
LOCAL_TTS = LocalTts.model_validate({"provider": "local", "voice_id": "heart"})
OPENAI = OpenAiLlm.model_validate({"provider": "openai", "model": "gpt-5.4"})


def adapter(opened: Any) -> object:
    """What is behind the wrapper that knows the price."""
    return opened.adapter


class Keys:
    """One key for one organization."""

    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        if org_id == "org-own-address":
            return ProviderKey("own-key", byok=True, base_url="https://llm.example.com/v1")
        return ProviderKey(f"{provider}-key", byok=False) if org_id == "org-a" else None


@pytest.fixture
def providers(tmp_path: Path) -> Providers:
    return Providers(Keys(), tmp_path)


async def test_each_name_opens_its_own_adapter(providers: Providers) -> None:
    deepgram = DeepgramStt.model_validate({"provider": "deepgram", "model": "nova-3", "language": "en"})
    openai_voice = OpenAiTts.model_validate({"provider": "openai", "voice_id": "alloy"})
    elevenlabs = ElevenLabsTts.model_validate({"provider": "elevenlabs", "voice_id": "v"})
    assert isinstance(await providers.recogniser(LOCAL_STT, "org-a"), LocalRecogniser)
    assert isinstance(adapter(await providers.recogniser(deepgram, "org-a")), DeepgramRecogniser)
    assert isinstance(await providers.chat_model(LOCAL_LLM, "org-a"), IntentModel)
    assert isinstance(adapter(await providers.chat_model(OPENAI, "org-a")), OpenAIChat)
    assert isinstance(await providers.synthesiser(LOCAL_TTS, "org-a"), LocalSynthesiser)
    assert isinstance(adapter(await providers.synthesiser(openai_voice, "org-a")), OpenAISpeech)
    assert isinstance(adapter(await providers.synthesiser(elevenlabs, "org-a")), ElevenLabsSpeech)


@pytest.mark.parametrize(
    ("config", "recogniser"),
    [
        (DeepgramStt(provider="deepgram", model="nova-3", language="en"), DeepgramRecogniser),
        (ElevenLabsStt(provider="elevenlabs", model="scribe_v2_realtime", language="en"), ElevenLabsRecogniser),
        (GladiaStt(provider="gladia", model="solaria-1", language="en"), GladiaRecogniser),
        (MistralStt(provider="mistral", model="voxtral-mini-latest", language="en"), MistralRecogniser),
    ],
)
async def test_each_recogniser_opens_under_its_name(
    providers: Providers, config: SttConfig, recogniser: type[object]
) -> None:
    opened = await providers.recogniser(config, "org-a")
    assert isinstance(getattr(opened, "adapter", opened), recogniser)  # one without a price has no wrapper


async def test_googles_recogniser_takes_a_service_account_from_its_own_slot(tmp_path: Path) -> None:
    asked = []

    class Slots:
        def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
            asked.append((org_id, provider))
            return ProviderKey("not json", byok=False)

    config = GoogleStt(provider="google", model="chirp_3", language="en")
    with pytest.raises(BadKeyError, match="not a service account"):
        await Providers(Slots(), tmp_path).recogniser(config, "org-a")
    assert asked == [("org-a", "google_vertex")]


class Unknown:
    """A provider no registry knows."""

    provider = "skynet"
    secret_slots = ("skynet",)


async def test_a_provider_without_an_adapter_raises_and_never_falls_back(providers: Providers) -> None:
    for opening in (providers.recogniser, providers.chat_model, providers.synthesiser):
        with pytest.raises(ProviderError, match="skynet: not offered here") as raised:
            await opening(Unknown(), "org-a")
        assert not raised.value.retryable


async def test_a_key_is_looked_for_in_the_slot_that_holds_it(tmp_path: Path) -> None:
    asked: list[str] = []

    class Slots:
        def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
            asked.append(provider)
            return None

    gemini = GoogleLlm.model_validate({"provider": "google", "model": "gemini-2.5-flash"})
    with pytest.raises(BadKeyError, match="google: no key is configured"):
        await Providers(Slots(), tmp_path).chat_model(gemini, "org-a")
    assert asked == ["google_vertex"]


async def test_the_two_local_chat_models_are_told_apart(providers: Providers, tmp_path: Path) -> None:
    (tmp_path / "smollm2-135m").mkdir()
    smollm = LocalLlm.model_validate({"provider": "local", "model": "smollm2-135m"})
    assert isinstance(await providers.chat_model(smollm, "org-a"), SmallTalkModel)
    assert isinstance(await providers.chat_model(LOCAL_LLM, "org-a"), IntentModel)


async def test_a_missing_key_is_a_bad_key(providers: Providers) -> None:
    with pytest.raises(BadKeyError, match="no key is configured"):
        await providers.chat_model(OPENAI, "org-b")


async def test_an_own_address_needs_no_key_of_the_vendor(tmp_path: Path) -> None:
    providers = Providers(Keys(), tmp_path, {"openai": "http://127.0.0.1:21702/v1"})
    assert isinstance(await providers.chat_model(OPENAI, "org-b"), OpenAIChat)


async def test_a_customers_address_goes_with_their_key_and_through_the_guard(tmp_path: Path) -> None:
    providers = Providers(Keys(), tmp_path, {"openai": "http://127.0.0.1:21702/v1"})
    assert await providers.context_for("openai", "org-own-address") == AdapterContext(
        "own-key", "https://llm.example.com/v1", tmp_path, guarded=True
    )
    assert await providers.context_for("openai", "org-a") == AdapterContext(
        "openai-key", "http://127.0.0.1:21702/v1", tmp_path
    )


async def test_a_model_that_is_missing_says_what_to_do(providers: Providers) -> None:
    smollm = LocalLlm.model_validate({"provider": "local", "model": "smollm2-135m"})
    with pytest.raises(
        ProviderError, match=r"not installed; run .*infra\.embedded\.models <cache> --with smollm2-135m"
    ):
        await providers.chat_model(smollm, "org-a")
    recogniser = await providers.recogniser(LOCAL_STT, "org-a")
    with pytest.raises(ProviderError, match=r"infra\.embedded\.models"):
        await recogniser.open(8000)
    with pytest.raises(ProviderError, match="not installed"):
        await providers.warm_up()
