"""Gemini Live, over Google's genai SDK: with the Gemini API's key, or on Vertex AI with a service account."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from aws_lambda_powertools import Logger
from google.genai import types
from google.genai.live import AsyncSession

from media.audio.levels import duration
from media.speech.adapters import AdapterContext
from media.speech.failures import dropped, timed_out
from media.speech.google_api import PROVIDER
from media.speech.interfaces import ProviderError, ProviderUsage, ToolCall, ToolSpec
from media.speech.realtime.google_failures import FAILURES, UNREADABLE, as_provider_error
from media.speech.realtime.google_setup import INFORM, connection_of, content_of, contents_of, setup_of
from media.speech.realtime.leaving import leave
from media.speech.realtime.quantities import quantity
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallerSpeaks,
    CallerWords,
    CallsDropped,
    CallsWanted,
    SessionOverError,
    SpeechAbilities,
    SpeechEvent,
    SpeechOpening,
)
from sovereign.catalog.realtime import GoogleRealtime

_OUTPUT_RATE = 24000
_CONNECT_SECONDS = 8.0
_RESPOND = "(The caller is on the line and waits for you: speak now, as your instructions say.)"
_SAY = "(Say exactly this to the caller now, and nothing else: {text})"

logger = Logger(child=True)


class GeminiVoice:
    """Opens conversations with one key (Vertex AI: a service account's JSON)."""

    def __init__(self, config: GoogleRealtime, context: AdapterContext) -> None:
        self._config = config
        self._context = context
        # the 3.x models take text in mid-conversation only as something to be answered
        self.abilities = SpeechAbilities(verbatim=False, context="2.5" in config.model)

    async def open(self, sample_rate: int, opening: SpeechOpening) -> "GeminiConversation":
        """Connect and configure. Raises BadKeyError, QuotaError, ProviderError."""
        async with AsyncExitStack() as opened:
            google = connection_of(self._config, self._context)
            opened.push_async_callback(google.close)
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    session = await opened.enter_async_context(
                        google.client.aio.live.connect(model=self._config.model, config=setup_of(self._config, opening))
                    )
                    if opening.history:
                        await session.send_client_content(turns=contents_of(opening.history), turn_complete=True)
            except TimeoutError:
                raise timed_out(PROVIDER) from None
            except FAILURES as failure:
                raise as_provider_error(failure) from None
            except UNREADABLE:
                raise dropped(PROVIDER) from None
            return GeminiConversation(session, opened.pop_all(), sample_rate)


class GeminiConversation:
    """One open conversation."""

    sample_rate = _OUTPUT_RATE

    def __init__(self, session: AsyncSession, connections: AsyncExitStack, leg_rate: int) -> None:
        self._session = session
        self._connections = connections
        self._leg_rate = leg_rate
        self._heard_bytes = 0
        self._used = ProviderUsage()
        self._turn = 0
        self._speaking = False
        self._early_words = ""
        self._answered = False
        self._caller_turn = 0
        self._caller_open = False
        self._leaving = False
        self._closed = False

    @property
    def usage(self) -> ProviderUsage:
        """Seconds of the caller's audio, and the tokens of all answers."""
        used = self._used
        return ProviderUsage(
            audio_seconds=round(duration(self._heard_bytes, self._leg_rate), 3),
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_input_tokens=used.cached_input_tokens,
            input_audio_tokens=used.input_audio_tokens,
            output_audio_tokens=used.output_audio_tokens,
        )

    async def feed(self, pcm: bytes) -> None:
        """Send the caller's audio; the service converts its rate."""
        self._heard_bytes += len(pcm)
        audio = types.Blob(data=pcm, mime_type=f"audio/pcm;rate={self._leg_rate}")
        await self._send(self._session.send_realtime_input(audio=audio))

    async def respond(self) -> None:
        """Let the model speak."""
        await self._text(_RESPOND)

    async def speak(self, text: str, *, interruptible: bool = True) -> None:  # noqa: ARG002 - the interface's
        """Tell the model to say this."""
        await self._text(_SAY.format(text=text))

    async def inform(self, text: str, *, respond: bool) -> None:
        """Tell the model something; without an answer only where it can take that."""
        if respond:
            await self._text(INFORM.format(text=text))
        else:
            content = content_of("user", INFORM.format(text=text))
            await self._send(self._session.send_client_content(turns=content, turn_complete=False))

    async def instruct(self, instructions: str, tools: Sequence[ToolSpec]) -> None:
        """A connection keeps what it was set up with."""

    async def give_results(
        self,
        results: Sequence[tuple[ToolCall, str]],
        *,
        respond: bool = True,  # noqa: ARG002 - it always does
    ) -> None:
        """Results of tools."""
        self._answered = False
        responses = [
            types.FunctionResponse(id=call.id, name=call.name, response={"output": text}) for call, text in results
        ]
        await self._send(self._session.send_tool_response(function_responses=responses))

    async def cancel(self) -> None:
        """Whatever is sent next interrupts the answer being made."""

    async def heard(self, item: str, milliseconds: int) -> None:
        """The service itself keeps only what it sent before it noticed the interruption."""

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """What the model says, hears and wants. Raises ProviderError when the connection breaks,
        SessionOverError when that was announced."""
        while not self._closed:
            try:
                # one turn at a time, the SDK's way
                async for message in self._session.receive():
                    for event in self._read(message):
                        yield event
            except FAILURES as failure:
                raise self._broken(failure) from None
            except UNREADABLE:
                logger.info("realtime_message_ignored", provider=PROVIDER)

    async def close(self) -> None:
        """Close; idempotent, never raises."""
        if self._closed:
            return
        self._closed = True
        try:
            # the SDK's own way waits for the other end
            await leave(self._session._ws)
        finally:
            await self._connections.aclose()

    async def _text(self, text: str) -> None:
        self._answered = False
        await self._send(self._session.send_realtime_input(text=text))

    async def _send(self, sending: Any) -> None:
        try:
            await sending
        except FAILURES as failure:
            raise self._broken(failure) from None

    def _broken(self, failure: Exception) -> ProviderError:
        error = as_provider_error(failure, configured=True)
        # what was announced is no failure, even when it came in the midst of something
        return SessionOverError(PROVIDER) if self._leaving and error.retryable else error

    def _read(self, message: types.LiveServerMessage) -> Iterator[SpeechEvent]:
        if message.usage_metadata is not None:
            self._count(message.usage_metadata)
        if message.go_away is not None:
            self._leaving = True
        if message.server_content is not None:
            yield from self._content(message.server_content)
        if message.tool_call is not None and message.tool_call.function_calls:
            yield from self._end_of_speech()
            yield CallsWanted([_call(call) for call in message.tool_call.function_calls])
        if message.tool_call_cancellation is not None:
            yield CallsDropped(message.tool_call_cancellation.ids or [])
        if self._leaving and not self._speaking:
            # it would cut the connection in the midst of something soon: better between two turns
            raise SessionOverError(PROVIDER)

    def _content(self, content: types.LiveServerContent) -> Iterator[SpeechEvent]:
        heard, said = content.input_transcription, content.output_transcription
        if heard is not None and heard.text:
            self._answered = False
            yield self._caller(heard.text)
        for part in (content.model_turn.parts if content.model_turn else None) or ():
            if part.inline_data is not None and part.inline_data.data:
                yield from self._begin()
                yield AgentAudio(self._item, part.inline_data.data)
        if said is not None and said.text:
            yield from self._words(said.text)
        if content.interrupted:
            yield from self._end_of_speech()
            yield CallerSpeaks()
        if content.turn_complete:
            yield from self._end_of_speech()
            self._early_words, self._answered = "", True
            yield from self._end_of_caller()
            yield AgentTurnOver()

    def _begin(self) -> Iterator[SpeechEvent]:
        if self._speaking:
            return
        self._speaking, self._answered = True, False
        self._turn += 1
        if not self._caller_open:
            # the transcript is independent of the answer and may come after its beginning: keep its place
            yield self._caller("")
        if self._early_words:
            yield AgentWords(self._item, self._early_words)
            self._early_words = ""

    def _words(self, text: str) -> Iterator[SpeechEvent]:
        """The text is independent of the sound: what comes without any begins nothing. It is early while an answer is
        to come; after an answer, until the caller is heard or something is asked, it is late."""
        if self._speaking:
            yield AgentWords(self._item, text)
        elif not self._answered:
            self._early_words += text

    def _caller(self, text: str) -> CallerWords:
        if not self._caller_open:
            self._caller_open = True
            self._caller_turn += 1
        return CallerWords(f"caller-{self._caller_turn}", text, final=False)

    def _end_of_speech(self) -> Iterator[SpeechEvent]:
        if self._speaking:
            self._speaking = False
            yield AgentPaused(self._item)

    def _end_of_caller(self) -> Iterator[SpeechEvent]:
        if self._caller_open:
            self._caller_open = False
            yield CallerWords(f"caller-{self._caller_turn}", "", final=True)

    @property
    def _item(self) -> str:
        return f"agent-{self._turn}"

    def _count(self, usage: types.UsageMetadata) -> None:
        used = self._used
        self._used = ProviderUsage(
            input_tokens=used.input_tokens + _tokens(usage.prompt_token_count, usage.tool_use_prompt_token_count),
            output_tokens=used.output_tokens + _tokens(usage.response_token_count, usage.thoughts_token_count),
            cached_input_tokens=used.cached_input_tokens + _tokens(usage.cached_content_token_count),
            input_audio_tokens=used.input_audio_tokens + _audio_tokens(usage.prompt_tokens_details),
            output_audio_tokens=used.output_audio_tokens + _audio_tokens(usage.response_tokens_details),
        )


def _call(call: types.FunctionCall) -> ToolCall:
    arguments: Mapping[str, Any] = call.args or {}
    return ToolCall(call.id or call.name or "", call.name or "", arguments)


def _audio_tokens(details: Sequence[types.ModalityTokenCount] | None) -> int:
    return _tokens(*(part.token_count for part in details or () if part.modality == types.MediaModality.AUDIO))


def _tokens(*counts: int | None) -> int:
    return sum(int(quantity(count)) for count in counts)


def open_adapter(config: GoogleRealtime, context: AdapterContext) -> GeminiVoice:
    """The adapter for a configuration, with the key and address to use."""
    return GeminiVoice(config, context)
