"""The vendors' recognisers and their stand-ins, for the suites that run over all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from media.speech.interfaces import Recogniser
from media.speech.stt.deepgram import DeepgramRecogniser
from media.speech.stt.elevenlabs import ElevenLabsRecogniser
from media.speech.stt.gladia import GladiaRecogniser
from media.speech.stt.google import GoogleRecogniser
from media.speech.stt.mistral import MistralRecogniser
from sovereign.catalog.stt import DeepgramStt, ElevenLabsStt, GladiaStt, GoogleStt, MistralStt
from tests.fakes.deepgram import FakeDeepgram
from tests.fakes.gladia import FakeGladia
from tests.fakes.google import service_account
from tests.fakes.google_speech import FakeGoogleSpeech
from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.scribe import FakeScribe
from tests.fakes.server import GOOD_KEY
from tests.fakes.voxtral import FakeVoxtral


def deepgram(url: str, key: str = GOOD_KEY, **members: Any) -> DeepgramRecogniser:
    given = {"provider": "deepgram", "model": "nova-3", "language": "en", **members}
    return DeepgramRecogniser(DeepgramStt.model_validate(given), key, url)


def elevenlabs(url: str, key: str = GOOD_KEY, **members: Any) -> ElevenLabsRecogniser:
    given = {"provider": "elevenlabs", "model": "scribe_v2_realtime", "language": "en", **members}
    return ElevenLabsRecogniser(ElevenLabsStt.model_validate(given), key, url)


def gladia(url: str, key: str = GOOD_KEY, **members: Any) -> GladiaRecogniser:
    given = {"provider": "gladia", "model": "solaria-1", "language": "en", **members}
    return GladiaRecogniser(GladiaStt.model_validate(given), key, url)


def mistral(url: str, key: str = GOOD_KEY, **members: Any) -> MistralRecogniser:
    given = {"provider": "mistral", "model": "voxtral-mini-latest", "language": "en", **members}
    return MistralRecogniser(MistralStt.model_validate(given), key, url)


def google(url: str, key: str = GOOD_KEY, **members: Any) -> GoogleRecogniser:
    given = {"provider": "google", "model": "chirp_3", "language": "en", **members}
    return GoogleRecogniser(GoogleStt.model_validate(given), service_account(key), url)


@dataclass(frozen=True)
class RecogniserVendor:
    fake: Callable[..., FakeRecogniser]
    make: Callable[..., Recogniser]


RECOGNISERS = {
    "deepgram": RecogniserVendor(FakeDeepgram, deepgram),
    "elevenlabs": RecogniserVendor(FakeScribe, elevenlabs),
    "gladia": RecogniserVendor(FakeGladia, gladia),
    "mistral": RecogniserVendor(FakeVoxtral, mistral),
    "google": RecogniserVendor(FakeGoogleSpeech, google),
}


def speech(seconds: float, rate: int = 8000) -> bytes:
    """Something that is not silence."""
    return b"\x10\x27" * int(seconds * rate)
