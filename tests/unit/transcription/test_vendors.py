"""What the vendors are asked to transcribe, and what is made of their answers."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sovereign.calls.model import Message
from sovereign.catalog.postcall import DeepgramPostcallStt, ElevenLabsPostcallStt, PostcallStt
from sovereign.provider_keys import ProviderKey
from sovereign.transcription.deepgram import DeepgramTranscriber
from sovereign.transcription.elevenlabs import ElevenLabsTranscriber
from sovereign.transcription.interface import Spoken, Transcriber, TranscriptionError, as_messages
from sovereign.transcription.registry import Transcribers

ADDRESS = "https://recordings.example.com/org/call/recording.wav?X-Amz-Signature=0123"
KEY = "very-secret-key"
UTTERANCES = {
    "metadata": {"channels": 2},
    "results": {
        "utterances": [
            {"start": 0.2, "end": 1.5, "channel": 1, "transcript": "Good morning.", "confidence": 0.9, "words": []},
            {"start": 2.0, "end": 3.0, "channel": 0, "transcript": "What are your hours?", "words": []},
        ]
    },
}


def word(text: str, start: float, channel: int, kind: str = "word") -> dict[str, Any]:
    return {"text": text, "start": start, "end": start + 0.3, "type": kind, "channel_index": channel, "logprob": -0.1}


WORDS = {
    "language_code": "en",
    "text": "Good morning. What are your hours?",
    "words": [
        word("Good", 0.2, 1), word(" ", 0.5, 1, "spacing"), word("morning.", 0.6, 1), word("What", 2.0, 0),
        word("(noise)", 2.1, 1, "audio_event"), word("are", 2.4, 0), word("We", 2.5, 1), word("hours?", 2.8, 0),
        word("Hello?", 9.0, 0),
    ],
}  # fmt: skip
MAKERS: dict[str, Callable[..., Transcriber]] = {"deepgram": DeepgramTranscriber, "elevenlabs": ElevenLabsTranscriber}
ANSWERS = {"deepgram": UTTERANCES, "elevenlabs": WORDS}


def asked(vendor: str, model: str, language: str | None) -> tuple[httpx.Request, list[Spoken]]:
    seen: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ANSWERS[vendor])

    spoken = MAKERS[vendor](model, language, KEY, transport=httpx.MockTransport(respond)).transcribe(ADDRESS)
    return seen[0], spoken


@pytest.mark.parametrize(
    ("language", "told"),
    [("nl", {"language": "nl"}), ("multi", {"language": "multi"}), (None, {"detect_language": "true"})],
)
def test_deepgram_is_asked_for_the_utterances_of_both_channels(language: str | None, told: dict[str, str]) -> None:
    request, spoken = asked("deepgram", "nova-3-general", language)
    assert (request.url.host, request.url.path) == ("api.deepgram.com", "/v1/listen")
    assert dict(request.url.params) == {
        "model": "nova-3-general", "multichannel": "true", "utterances": "true", "smart_format": "true", **told,
    }  # fmt: skip
    assert request.headers["Authorization"] == f"Token {KEY}"
    assert json.loads(request.content) == {"url": ADDRESS}
    assert spoken == [Spoken(0.2, 1, "Good morning."), Spoken(2.0, 0, "What are your hours?")]


@pytest.mark.parametrize(("language", "told"), [("nl", "nl"), ("multi", None), (None, None)])
def test_scribe_is_asked_for_the_words_of_both_channels(language: str | None, told: str | None) -> None:
    request, spoken = asked("elevenlabs", "scribe_v2", language)
    assert (request.url.host, request.url.path) == ("api.elevenlabs.io", "/v1/speech-to-text")
    assert request.headers["xi-api-key"] == KEY
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    form = request.read().decode()
    for name, value in {
        "model_id": "scribe_v2", "source_url": ADDRESS, "use_multi_channel": "true",
        "multichannel_output_style": "combined", "timestamps_granularity": "word",
    }.items():  # fmt: skip
        assert f'name="{name}"\r\n\r\n{value}\r\n' in form
    assert (f'name="language_code"\r\n\r\n{told}\r\n' in form) if told else ("language_code" not in form)
    assert sorted(spoken) == [
        Spoken(0.2, 1, "Good morning."),
        Spoken(2.0, 0, "What are hours?"),
        Spoken(2.5, 1, "We"),
        Spoken(9.0, 0, "Hello?"),
    ]


def test_a_conversation_is_in_the_order_of_its_beginnings() -> None:
    spoken = [Spoken(5, 0, "thank you"), Spoken(0.5, 1, "Hello."), Spoken(3, 0, " Tuesday"), Spoken(4, 2, "an echo"),
              Spoken(3.5, 1, "  "), Spoken(6, 1, "Bye.")]  # fmt: skip
    assert as_messages(spoken) == [
        Message("assistant", "Hello."),
        Message("user", "Tuesday thank you"),
        Message("assistant", "Bye."),
    ]


@pytest.mark.parametrize("vendor", MAKERS)
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "refused the key"), (403, "refused the key"), (402, "refused for quota or rate"),
        (429, "refused for quota or rate"), (400, "answered 400"), (503, "answered 503"), (302, "answered 302"),
    ],
)  # fmt: skip
def test_a_refusal_says_why_and_tells_no_secret(vendor: str, status: int, reason: str) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(status, text=f"{KEY} {ADDRESS}"))
    with pytest.raises(TranscriptionError) as raised:
        MAKERS[vendor]("m", None, KEY, transport=answer).transcribe(ADDRESS)
    assert str(raised.value) == f"{vendor}: {reason}"


@pytest.mark.parametrize("vendor", MAKERS)
@pytest.mark.parametrize("body", ["prose", "[]", "{}", '{"words": 3, "results": []}', '{"words": [{}], "results": {}}'])
def test_an_answer_of_another_shape_is_a_failure(vendor: str, body: str) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    with pytest.raises(TranscriptionError, match="unreadable"):
        MAKERS[vendor]("m", None, KEY, transport=answer).transcribe(ADDRESS)


@pytest.mark.parametrize("vendor", MAKERS)
@pytest.mark.parametrize(
    ("failure", "reason"),
    [(httpx.ReadTimeout, "in time"), (httpx.ConnectError, "reached"), (httpx.ReadError, "reached")],
)
def test_a_silent_or_absent_vendor_is_a_failure(vendor: str, failure: type[httpx.HTTPError], reason: str) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        raise failure(f"{KEY} {ADDRESS}")

    with pytest.raises(TranscriptionError, match=reason) as raised:
        MAKERS[vendor]("m", None, KEY, transport=httpx.MockTransport(respond)).transcribe(ADDRESS)
    assert KEY not in str(raised.value)
    assert raised.value.__suppress_context__


class Keys:
    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        return ProviderKey(f"{provider}-key", byok=False) if org_id == "org-a" else None


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (ElevenLabsPostcallStt(provider="elevenlabs"), ElevenLabsTranscriber),
        (DeepgramPostcallStt(provider="deepgram"), DeepgramTranscriber),
    ],
)
def test_each_name_opens_its_own_vendor(config: PostcallStt, kind: type[object]) -> None:
    assert isinstance(Transcribers(Keys(), {}).open(config, "org-a"), kind)
    with pytest.raises(TranscriptionError, match="no key is configured"):
        Transcribers(Keys(), {}).open(config, "org-b")


def test_an_unknown_name_never_becomes_another() -> None:
    with pytest.raises(TranscriptionError, match="skynet: not offered"):
        Transcribers(Keys(), {}).open(PostcallStt(provider="skynet", model="m"), "org-a")
