"""xAI's voice model. Its API speaks OpenAI's realtime protocol with a session and items of its own, so the connection
is the openai SDK's (docs.x.ai, Speech to Speech API)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from openai import AsyncOpenAI

from media.audio.levels import duration
from media.speech.adapters import AdapterContext
from media.speech.interfaces import ProviderError, ProviderUsage, ToolCall, ToolSpec
from media.speech.openai_api import load_sdk
from media.speech.realtime.openai_socket import (
    JsonSocket,
    arguments_of,
    decoded,
    encoded,
    error_of,
    function,
    member,
    string,
)
from media.speech.realtime.quantities import quantity
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallerSpeaks,
    CallerWords,
    CallsWanted,
    SpeechAbilities,
    SpeechEvent,
    SpeechOpening,
)
from sovereign.catalog.realtime import XaiRealtime, XaiTurnDetection

PROVIDER = "xai"
_URL = "https://api.x.ai/v1"
# The only model it transcribes callers with; naming it switches the transcript on.
_TRANSCRIBER = "grok-transcribe"


class XaiVoice:
    """Opens conversations with one key."""

    # `force_message` makes it speak a text word for word
    abilities = SpeechAbilities(verbatim=True, context=True, instructable=True)

    def __init__(self, config: XaiRealtime, context: AdapterContext) -> None:
        self._config = config
        self._context = context

    async def open(self, sample_rate: int, opening: SpeechOpening) -> "XaiConversation":
        """Connect and configure. Raises BadKeyError, QuotaError, ProviderError."""

        def connect(client: AsyncOpenAI, options: Any) -> Any:
            return client.realtime.connect(model=self._config.model, websocket_connection_options=options)

        socket = await JsonSocket.open(PROVIDER, self._context, _URL, connect)
        conversation = XaiConversation(socket, sample_rate, self._config)
        try:
            await conversation.start(opening)
        except BaseException:
            await conversation.close()
            raise
        return conversation


class XaiConversation:
    """One open conversation. Audio has the leg's own rate both ways."""

    def __init__(self, socket: JsonSocket, sample_rate: int, config: XaiRealtime) -> None:
        self.sample_rate = sample_rate
        self._socket = socket
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.time()
        self._heard_bytes = 0
        self._used = ProviderUsage()
        self._calls: list[ToolCall] = []
        self._closed = False

    async def start(self, opening: SpeechOpening) -> None:
        """Configure, wait until that is taken, and tell what was said before."""
        await self._socket.configure(self._update(opening.instructions, opening.tools), done="session.updated")
        for message in opening.history:
            kind = "output_text" if message.role == "assistant" else "input_text"
            await self._item(_message(message.role, kind, message.content))

    @property
    def usage(self) -> ProviderUsage:
        """Seconds of the caller's audio and the tokens it told; the price is not known here."""
        return replace(self._used, audio_seconds=round(duration(self._heard_bytes, self.sample_rate), 3))

    async def feed(self, pcm: bytes) -> None:
        """Send the caller's audio."""
        self._heard_bytes += len(pcm)
        await self._socket.send({"type": "input_audio_buffer.append", "audio": encoded(pcm)})

    async def respond(self) -> None:
        """Let the model speak."""
        await self._socket.send({"type": "response.create"})

    async def speak(self, text: str, *, interruptible: bool = True) -> None:
        """Have the model say this word for word."""
        content = [{"type": "output_text", "text": text}]
        item = {"type": "force_message", "role": "assistant", "interruptible": interruptible, "content": content}
        await self._item(item)

    async def inform(self, text: str, *, respond: bool) -> None:
        """Add to the conversation as the system."""
        await self._item(_message("system", "input_text", text))
        if respond:
            await self.respond()

    async def instruct(self, instructions: str, tools: Sequence[ToolSpec]) -> None:
        """Configure the session: all of it, for what an update leaves out is not promised to stay."""
        await self._socket.send(self._update(instructions, tools))

    async def give_results(self, results: Sequence[tuple[ToolCall, str]], *, respond: bool = True) -> None:
        """Results of tools, then one answer to all of them."""
        for call, text in results:
            await self._item({"type": "function_call_output", "call_id": call.id, "output": text})
        if respond:
            await self.respond()

    async def cancel(self) -> None:
        """Give up the answer being made."""
        await self._socket.send({"type": "response.cancel"})

    async def heard(self, item: str, milliseconds: int) -> None:
        """Cut what the model believes it said down to what was heard."""
        await self._socket.send(
            {"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": milliseconds}
        )

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """What the model says, hears and wants. Raises ProviderError when the connection breaks."""
        while not self._closed:
            event = await self._socket.receive()
            if event is not None:
                for said in self._read(event):
                    yield said

    async def close(self) -> None:
        """Close; idempotent, never raises."""
        if not self._closed:
            self._closed = True
            await self._socket.close()

    def _update(self, instructions: str, tools: Sequence[ToolSpec]) -> Mapping[str, Any]:
        session = _session(self._config, self.sample_rate, instructions, tools)
        return {"type": "session.update", "session": session}

    async def _item(self, item: Mapping[str, Any]) -> None:
        await self._socket.send({"type": "conversation.item.create", "item": item})

    def _read(self, event: Mapping[str, Any]) -> Iterator[SpeechEvent]:
        item = string(event, "item_id")
        match event.get("type"):
            case "response.output_audio.delta" | "response.audio.delta":
                yield AgentAudio(item, decoded(event.get("delta")))
            case "response.output_audio_transcript.delta" | "response.audio_transcript.delta":
                yield AgentWords(item, string(event, "delta"))
            case "response.output_item.done":
                yield AgentPaused(string(member(event, "item"), "id"))
            case "response.function_call_arguments.done":
                arguments = arguments_of(event.get("arguments"))
                self._calls.append(ToolCall(string(event, "call_id"), string(event, "name"), arguments))
            case "response.done":
                yield from self._answered(member(event, "response"))
            case "input_audio_buffer.speech_started":
                yield CallerSpeaks()
            case "input_audio_buffer.committed":
                yield CallerWords(item, "", final=False)
            case "conversation.item.input_audio_transcription.completed":
                yield CallerWords(item, string(event, "transcript"), final=True)
            case "error":
                self._socket.refused(event)

    def _answered(self, response: Mapping[str, Any]) -> Iterator[SpeechEvent]:
        self._used += _usage(member(response, "usage"))
        if response.get("status") == "failed":
            self._calls.clear()
            error = member(member(response, "status_details"), "error")
            raise error_of(PROVIDER, error) or ProviderError(PROVIDER, "could not answer", retryable=True)
        calls, self._calls = self._calls, []
        yield CallsWanted(calls) if calls else AgentTurnOver()


def _usage(told: Mapping[str, Any]) -> ProviderUsage:
    heard, said = member(told, "input_token_details"), member(told, "output_token_details")
    return ProviderUsage(
        input_tokens=int(quantity(told.get("input_tokens"))),
        output_tokens=int(quantity(told.get("output_tokens"))),
        cached_input_tokens=int(quantity(heard.get("cached_tokens"))),
        input_audio_tokens=int(quantity(heard.get("audio_tokens"))),
        output_audio_tokens=int(quantity(said.get("audio_tokens"))),
    )


def _session(config: XaiRealtime, sample_rate: int, instructions: str, tools: Sequence[ToolSpec]) -> Mapping[str, Any]:
    audio_format = {"type": "audio/pcm", "rate": sample_rate}
    transcription = config.transcription.model_dump(exclude_none=True) if config.transcription else {}
    session: dict[str, Any] = {
        "instructions": instructions,
        "voice": config.voice,
        "turn_detection": _turn_detection(config.turn_detection or XaiTurnDetection()),
        "audio": {
            "input": {"format": audio_format, "transcription": {"model": _TRANSCRIBER, **transcription}},
            "output": {"format": audio_format, "speed": config.speed},
        },
        "tools": [*_provider_tools(config), *map(function, tools)],
    }
    if config.reasoning_effort is not None:
        session["reasoning"] = {"effort": config.reasoning_effort}
    return session


def _turn_detection(config: XaiTurnDetection) -> Mapping[str, Any]:
    detection: dict[str, Any] = {
        "type": "server_vad",
        "threshold": config.threshold,
        "prefix_padding_ms": config.prefix_padding_ms,
        "silence_duration_ms": config.silence_duration_ms,
        "create_response": True,
        "interrupt_response": True,
    }
    if config.idle_timeout_ms:
        detection["idle_timeout_ms"] = config.idle_timeout_ms
    return detection


def _provider_tools(config: XaiRealtime) -> list[dict[str, Any]]:
    return [tool.model_dump(mode="json", exclude_none=True) for tool in config.provider_tools or ()]


def _message(role: str, kind: str, text: str) -> Mapping[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def open_adapter(config: XaiRealtime, context: AdapterContext) -> XaiVoice:
    """The adapter for a configuration, with the key and address to use."""
    return XaiVoice(config, context)


load_sdk(lambda sdk: sdk.realtime)
