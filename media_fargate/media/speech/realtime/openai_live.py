"""OpenAI's voice model, over the openai SDK's Live websocket.

The model listens and speaks at the same time: there are no turns on the wire, so this adapter finds them in the pauses.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from openai import AsyncOpenAI

from media.audio.resample import StreamResampler
from media.speech.adapters import AdapterContext
from media.speech.failures import dropped
from media.speech.interfaces import ProviderError, ProviderUsage, ToolCall, ToolSpec
from media.speech.openai_api import load_sdk
from media.speech.realtime.openai_socket import (
    JsonSocket,
    arguments_of,
    decoded,
    encoded,
    function,
    member,
    string,
)
from media.speech.realtime.openai_turns import Turns
from media.speech.realtime.quantities import quantity
from media.speech.speech_to_speech import (
    CallsWanted,
    SessionOverError,
    SpeechAbilities,
    SpeechEvent,
    SpeechOpening,
)
from sovereign.catalog.realtime import OpenAiDelegation, OpenAiLive

PROVIDER = "openai"
_URL = "https://api.openai.com/v1"
_RATE = 16000
"""The lower of the two rates of PCM the protocol takes."""
_MOST_HISTORY = 128
_RESPOND = "The caller is on the line and waits for you: speak now, as your instructions say."
_SAY = "Say exactly this to the caller now, and nothing else: {text}"


logger = Logger(child=True)


class OpenAiVoice:
    """Opens conversations with one key."""

    # what it is told to say it says in its own words
    abilities = SpeechAbilities(verbatim=False, context=True)

    def __init__(self, config: OpenAiLive, context: AdapterContext) -> None:
        self._config = config
        self._context = context

    async def open(self, sample_rate: int, opening: SpeechOpening) -> "OpenAiConversation":
        """Connect and configure. Raises BadKeyError, QuotaError, ProviderError."""

        def connect(client: AsyncOpenAI, options: Any) -> Any:
            return client.live.connect(websocket_connection_options=options)

        socket = await JsonSocket.open(PROVIDER, self._context, _URL, connect)
        conversation = OpenAiConversation(socket, sample_rate)
        try:
            await conversation.start(_session(self._config, opening))
        except BaseException:
            await conversation.close()
            raise
        return conversation


class OpenAiConversation:
    """One open conversation."""

    sample_rate = _RATE

    def __init__(self, socket: JsonSocket, leg_rate: int) -> None:
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._resampler = StreamResampler(leg_rate, _RATE)
        self._turns = Turns(self._loop)
        self._calls: list[ToolCall] = []
        self._seconds = 0.0
        self._input_tokens = self._cached_tokens = self._output_tokens = 0
        self._closed = False

    async def start(self, session: Mapping[str, Any]) -> None:
        """Configure and wait until the session runs."""
        await self._socket.configure({"type": "session.start", "session": session}, done="session.started")

    @property
    def usage(self) -> ProviderUsage:
        """Seconds of the conversation and the delegated model's tokens, as the vendor counts them."""
        return ProviderUsage(
            audio_seconds=self._seconds,
            input_tokens=self._input_tokens,
            cached_input_tokens=self._cached_tokens,
            output_tokens=self._output_tokens,
        )

    async def feed(self, pcm: bytes) -> None:
        """Send the caller's audio."""
        if audio := self._resampler.push(pcm):
            await self._socket.send({"type": "session.input_audio.append", "audio": encoded(audio)})

    async def respond(self) -> None:
        """Let the model speak."""
        await self._append("instructions", _RESPOND)

    async def speak(self, text: str, *, interruptible: bool = True) -> None:  # noqa: ARG002 - the interface's
        """Tell the model to say this."""
        await self._append("instructions", _SAY.format(text=text))

    async def inform(self, text: str, *, respond: bool) -> None:
        """Give the model something to talk about, or to know."""
        await self._append("commentary" if respond else "thinking", text)

    async def instruct(self, instructions: str, tools: Sequence[ToolSpec]) -> None:
        """The voice model keeps the instructions it started with; only the delegated model's could be changed."""

    async def give_results(self, results: Sequence[tuple[ToolCall, str]], *, respond: bool = True) -> None:
        """Results for the delegated model, which goes on with them."""
        for call, text in results:
            item = {"type": "function_call_output", "call_id": call.id, "output": text}
            await self._socket.send({"type": "response.item.create", "item": item})
        if respond:
            await self._socket.send({"type": "response.create"})

    async def cancel(self) -> None:
        """The protocol has no such request."""

    async def heard(self, item: str, milliseconds: int) -> None:
        """The model speaks no faster than it is heard, and notices interruptions by itself."""

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """What the model says, hears and wants. Raises ProviderError when the connection breaks."""
        while not self._closed:
            event = None
            try:
                async with asyncio.timeout_at(self._turns.deadline):
                    event = await self._socket.receive()
            except TimeoutError:
                pass
            for said in self._turns.advance():
                yield said
            if event is not None:
                for said in self._read(event):
                    yield said

    async def close(self) -> None:
        """Close; idempotent, never raises."""
        if not self._closed:
            self._closed = True
            await self._socket.close()

    async def _append(self, kind: str, content: str) -> None:
        await self._socket.send({"type": f"session.{kind}.append", "content": content, "delegation_id": None})

    def _read(self, event: Mapping[str, Any]) -> Iterator[SpeechEvent]:
        match event.get("type"):
            case "session.output_audio.delta":
                yield from self._turns.agent_audio(decoded(event.get("delta")))
            case "session.output_transcript.delta":
                yield from self._turns.agent_words(string(event, "delta"))
            case "session.input_transcript.delta":
                yield self._turns.caller_words(string(event, "delta"))
            case "response.event":
                yield from self._delegated(member(event, "event"))
            case "session.usage.updated":
                self._used(event)
            case "session.closed":
                self._used(event)
                if event.get("reason") == "content":
                    raise ProviderError(PROVIDER, "ended the conversation for its content", retryable=False)
                raise SessionOverError(PROVIDER) if event.get("reason") == "expired" else dropped(PROVIDER)
            case "error":
                self._socket.refused(event)

    def _delegated(self, event: Mapping[str, Any]) -> Iterator[SpeechEvent]:
        """An event of the text model that works for the voice model."""
        item = member(event, "item")
        match event.get("type"):
            case "response.output_item.done" if item.get("type") == "function_call":
                arguments = arguments_of(item.get("arguments"))
                self._calls.append(ToolCall(string(item, "call_id"), string(item, "name"), arguments))
            case "response.completed" | "response.incomplete":
                self._count(member(member(event, "response"), "usage"))
                calls, self._calls = self._calls, []
                if calls:
                    yield CallsWanted(calls)
            case "response.failed":
                # the voice model is told by the vendor and goes on by itself
                self._calls.clear()
                logger.warning("delegation_failed", provider=PROVIDER)

    def _count(self, usage: Mapping[str, Any]) -> None:
        self._input_tokens += int(quantity(usage.get("input_tokens")))
        self._cached_tokens += int(quantity(member(usage, "input_tokens_details").get("cached_tokens")))
        self._output_tokens += int(quantity(usage.get("output_tokens")))

    def _used(self, event: Mapping[str, Any]) -> None:
        # a total, not an increment
        self._seconds = max(self._seconds, float(quantity(member(event, "usage").get("seconds"))))


def _session(config: OpenAiLive, opening: SpeechOpening) -> Mapping[str, Any]:
    delegation = config.delegation or OpenAiDelegation()
    responses: dict[str, Any] = {
        "model": delegation.model,
        # without words of its own the text model works by the assistant's
        "instructions": delegation.instructions or opening.instructions,
        "tools": [function(tool) for tool in opening.tools],
    }
    session: dict[str, Any] = {
        "model": config.model,
        "instructions": opening.instructions,
        "audio": {"format": {"type": "audio/pcm", "rate": _RATE}, "output": {"voice": config.voice}},
        "delegation": {"type": "responses", "responses": responses},
        "store": False,
    }
    if opening.history:
        session["input"] = [_said(message.role, message.content) for message in opening.history[-_MOST_HISTORY:]]
    return session


def _said(role: str, text: str) -> Mapping[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    author = "developer" if role == "system" else role
    return {"type": "message", "role": author, "content": [{"type": kind, "text": text}]}


def open_adapter(config: OpenAiLive, context: AdapterContext) -> OpenAiVoice:
    """The adapter for a configuration, with the key and address to use."""
    return OpenAiVoice(config, context)


load_sdk(lambda sdk: sdk.live)
