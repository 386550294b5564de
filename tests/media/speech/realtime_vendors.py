"""The speech-to-speech vendors, each with its stand-in and what opens a conversation with it: what the suites over all
of them share."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from media.speech.adapters import AdapterContext
from media.speech.interfaces import ProviderUsage, ToolSpec
from media.speech.realtime import google, openai_live, xai
from media.speech.speech_to_speech import SpeechEvent, SpeechModel, SpeechOpening, SpeechSession
from sovereign.catalog.realtime import GoogleRealtime, OpenAiLive, XaiRealtime
from tests.fakes.gemini_live import FakeGeminiLive
from tests.fakes.openai_live import FakeOpenAiLive
from tests.fakes.realtime import FakeRealtime
from tests.fakes.server import GOOD_KEY, Trouble, tone
from tests.fakes.xai_realtime import FakeXaiRealtime

LOOKUP = ToolSpec("lookup", "Looks up an order.", {"type": "object", "properties": {"id": {"type": "string"}}})
OPENING = SpeechOpening("You are Anna.", [LOOKUP])
XAI = XaiRealtime.model_validate({"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0"})
OPENAI = OpenAiLive.model_validate({"provider": "openai_live", "model": "gpt-live-1"})
GEMINI = GoogleRealtime.model_validate({"provider": "google_realtime", "model": "gemini-3.8-live"})
VERTEX = GoogleRealtime.model_validate(
    {"provider": "google_realtime", "model": "gemini-live-2.5-flash-native-audio", "location": "europe-west1"}
)


def service_account(issuer: str) -> str:
    """A service account's JSON; the stand-in knows it by its address."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {"type": "service_account", "project_id": "p1", "private_key_id": "k1", "private_key": pem}
    return json.dumps({**account, "client_email": issuer, "client_id": "1", "token_uri": "http://127.0.0.1:9/token"})


@dataclass(frozen=True)
class Wire:
    """Messages of a vendor's server: `audio` of these base64 characters, `usage` of so many tokens read and written
    (and as many seconds as read), texts that are null, and figures with all their details, which told twice are
    `used_twice`."""

    audio: Callable[[Any], Any]
    usage: Callable[[Any, Any], Any]
    no_text: Sequence[Any]
    details: Any
    used_twice: ProviderUsage


@dataclass(frozen=True)
class Vendor:
    fake: Callable[..., FakeRealtime]
    adapter: Callable[[AdapterContext], SpeechModel]
    wire: Wire
    key: Callable[[str], str] = str
    confirms_interruptions: bool = True


def _xai_usage(read: Any, written: Any) -> Any:
    usage = {"input_tokens": read, "output_tokens": written}
    return {"type": "response.done", "response": {"status": "completed", "usage": usage}}


def _openai_usage(read: Any, written: Any) -> Any:
    usage = {"input_tokens": read, "output_tokens": written, "input_tokens_details": {"cached_tokens": read}}
    event = {"type": "response.completed", "response": {"usage": usage}}
    return {"type": "response.event", "event": event, "usage": {"seconds": read}}


def _gemini_content(part: Any) -> Any:
    return {"serverContent": {"modelTurn": {"parts": [part]}}}


# as the openai SDK's RealtimeResponseUsage has it
_XAI_DETAILS = {
    "input_tokens": 100,
    "output_tokens": 20,
    "input_token_details": {"text_tokens": 40, "audio_tokens": 60, "cached_tokens": 10},
    "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
}
_TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
_XAI_WIRE = Wire(
    audio=lambda data: {"type": "response.output_audio.delta", "item_id": "rubbish", "delta": data},
    usage=_xai_usage,
    no_text=[
        {"type": "response.output_audio_transcript.delta", "item_id": "i", "delta": None},
        {"type": _TRANSCRIBED, "item_id": "c", "transcript": None},
    ],
    details={"type": "response.done", "response": {"status": "completed", "usage": _XAI_DETAILS}},
    used_twice=ProviderUsage(
        input_tokens=200, output_tokens=40, cached_input_tokens=20, input_audio_tokens=120, output_audio_tokens=30
    ),
)
_OPENAI_WIRE = Wire(
    audio=lambda data: {"type": "session.output_audio.delta", "delta": data},
    usage=_openai_usage,
    no_text=[
        {"type": "session.output_transcript.delta", "delta": None},
        {"type": "session.input_transcript.delta", "delta": None},
    ],
    details=_openai_usage(100, 20),
    used_twice=ProviderUsage(input_tokens=200, output_tokens=40, cached_input_tokens=200),
)


def _gemini_wire(answer: str) -> Wire:
    """`answer` is what the tokens written are told of: each of the two services has a name for them."""
    details = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 10,
        "toolUsePromptTokenCount": 7,
        "thoughtsTokenCount": 5,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 30}, {"modality": "AUDIO", "tokenCount": 60}],
        f"{answer}TokenCount": 20,
        f"{answer}TokensDetails": [{"modality": "AUDIO", "tokenCount": 15}, {"modality": "TEXT", "tokenCount": 5}],
    }
    return Wire(
        audio=lambda data: _gemini_content({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}),
        usage=lambda read, written: {"usageMetadata": {"promptTokenCount": read, f"{answer}TokenCount": written}},
        no_text=[
            {"serverContent": {"outputTranscription": {"text": None}}},
            {"serverContent": {"inputTranscription": {"text": None}}},
        ],
        details={"usageMetadata": details},
        used_twice=ProviderUsage(
            input_tokens=214,
            output_tokens=50,
            cached_input_tokens=20,
            input_audio_tokens=120,
            output_audio_tokens=30,
        ),
    )


VENDORS = {
    "xai": Vendor(FakeXaiRealtime, lambda context: xai.open_adapter(XAI, context), _XAI_WIRE),
    "openai-live": Vendor(
        FakeOpenAiLive,
        lambda context: openai_live.open_adapter(OPENAI, context),
        _OPENAI_WIRE,
        confirms_interruptions=False,
    ),
    "gemini": Vendor(FakeGeminiLive, lambda context: google.open_adapter(GEMINI, context), _gemini_wire("response")),
    "vertex": Vendor(
        FakeGeminiLive,
        lambda context: google.open_adapter(VERTEX, context),
        _gemini_wire("candidates"),
        service_account,
    ),
}


@pytest.fixture(params=VENDORS, ids=str)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


@pytest.fixture
def serve(vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    @asynccontextmanager
    async def served(trouble: Trouble | None = None, **script: Any) -> AsyncIterator[FakeRealtime]:
        server = vendor.fake(trouble, **script)
        if isinstance(server, FakeGeminiLive):
            (tmp_path / "ca.pem").write_text(server.certificate)
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with server:
            yield server

    return served


def model_of(vendor: Vendor, server: FakeRealtime, key: str = GOOD_KEY) -> SpeechModel:
    base = server.url if isinstance(server, FakeGeminiLive) else f"{server.url}/v1"
    return vendor.adapter(AdapterContext(vendor.key(key), base, Path()))


class Talk:
    """One session and everything it told."""

    def __init__(self, session: SpeechSession, rate: int) -> None:
        self.session = session
        self.rate = rate
        self.told: list[SpeechEvent] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.session.events():
            self.told.append(event)

    async def until(self, kind: type, count: int = 1, seconds: float = 15.0) -> Any:
        """The count-th event of a kind; what the connection failed with is raised."""
        async with asyncio.timeout(seconds):
            while len(found := self.of(kind)) < count:
                if self._reading.done():
                    self._reading.result()
                    raise AssertionError(f"it ended with {self.told}")
                await asyncio.sleep(0.01)
        return found[count - 1]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    async def counted(self, input_tokens: int, seconds: float = 5.0) -> None:
        """Until so many tokens were told to have been read."""
        async with asyncio.timeout(seconds):
            while self.session.usage.input_tokens < input_tokens:
                await asyncio.sleep(0.01)

    async def broken(self, seconds: float = 15.0) -> None:
        async with asyncio.timeout(seconds):
            await self._reading

    async def say(self, seconds: float = 0.5) -> None:
        """The caller speaks, then is silent."""
        await self.session.feed(tone(seconds, self.rate))
        await self.session.feed(bytes(int(0.6 * self.rate) * 2))

    async def close(self) -> None:
        await self.session.close()
        await self.stop_reading()

    async def stop_reading(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


@asynccontextmanager
async def talking(
    vendor: Vendor, server: FakeRealtime, *, rate: int = 8000, opening: SpeechOpening = OPENING, key: str = GOOD_KEY
) -> AsyncIterator[Talk]:
    talk = Talk(await model_of(vendor, server, key).open(rate, opening), rate)
    try:
        yield talk
    finally:
        await talk.close()


@asynccontextmanager
async def leaving_nothing(server: FakeRealtime) -> AsyncIterator[None]:
    """Soon afterwards there is no connection and no task any more, and no failure was left for nobody."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    yield
    async with asyncio.timeout(3):
        while server.open_connections or _tasks_of_websockets():
            await asyncio.sleep(0.01)
    assert complaints == []


def _tasks_of_websockets() -> list[Any]:
    return [task for task in asyncio.all_tasks() if "websockets" in repr(task) or "realtime" in repr(task.get_coro())]
