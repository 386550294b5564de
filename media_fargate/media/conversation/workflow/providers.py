"""A node's own model, voice and recogniser: opened before those in use are let go, so that nothing is missed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, Protocol, TypeVar

from media.conversation.figures import CallFigures, add_usage
from media.conversation.recognition import Recognition
from media.conversation.speaker import Speaker
from media.speech.interfaces import (
    ChatEvent,
    ChatMessage,
    ChatModel,
    ProviderError,
    ProviderUsage,
    Recogniser,
    Synthesiser,
    ToolSpec,
)
from sovereign.catalog.base import ProviderConfig
from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.stt import SttConfig
from sovereign.catalog.tts import TtsConfig
from sovereign.kernel.documents import to_json
from sovereign.workflows.nodes import ConversationNode

OPEN_SECONDS = 8.0
"""Longest wait for a node's providers; the call goes on with those it has."""
CLOSE_SECONDS = 5.0


class Closable(Protocol):
    """A provider that holds connections."""

    async def close(self) -> None:
        """Release them."""


@dataclass(frozen=True)
class NodeSpeech:
    """Which providers a node uses."""

    llm: LlmConfig
    tts: TtsConfig
    stt: SttConfig


class Opener(Protocol):
    """Opens providers for the call's organization. Everything raises ProviderError."""

    async def chat_model(self, config: Any) -> ChatModel:
        """A text model."""

    async def synthesiser(self, config: Any) -> Synthesiser:
        """A voice."""

    async def recogniser(self, config: Any) -> Recogniser:
        """A recogniser; its stream is opened by `Recognition`."""


P = TypeVar("P", bound=Closable)


class _Opened(Generic[P]):
    """Providers of one kind that were opened during a call, by their configuration; all are closed with it."""

    def __init__(self, config: ProviderConfig, first: P) -> None:
        self.current = first
        self._by_config = {_key(config): first}

    async def get(self, config: ProviderConfig, open_one: Callable[[Any], Awaitable[P]]) -> P:
        """The provider of this configuration, opened when it is wanted for the first time."""
        key = _key(config)
        if key not in self._by_config:
            self._by_config[key] = await open_one(config)
        return self._by_config[key]

    @property
    def all(self) -> Sequence[P]:
        """Everything that was opened."""
        return list(self._by_config.values())

    async def close(self) -> None:
        """Close them at once; one that fails does not keep the others open."""
        await asyncio.gather(*map(_close, self.all), return_exceptions=True)


class NodeModels(_Opened[ChatModel]):
    """The call's text model, whichever node it is in."""

    def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Stream one answer of the present model."""
        return self.current.stream(messages, tools)


class NodeVoices(_Opened[Synthesiser]):
    """The call's voice. What is being said stays in the voice it was begun in (`Speaker.use`)."""

    @property
    def sample_rate(self) -> int:
        """Of the present voice."""
        return self.current.sample_rate

    def stream(self, text: str) -> AsyncIterator[bytes]:
        """Speak with the present voice."""
        return self.current.stream(text)

    @property
    def usage(self) -> ProviderUsage:
        """Of all voices together."""
        return reduce(add_usage, (voice.usage for voice in self.all))


class NodeProviders:
    """Has the providers of a node take over when the call enters it. A provider that cannot be opened leaves the one
    in use in its place, and its failure in the call's errors: the caller is not to pay for it."""

    def __init__(
        self,
        nodes: Mapping[str, NodeSpeech],
        opener: Opener,
        models: NodeModels,
        voices: NodeVoices,
        stt: ProviderConfig,
    ) -> None:
        self.models = models
        self.voices = voices
        self._nodes = nodes
        self._opener = opener
        self._stt = _key(stt)

    def attach(self, speaker: Speaker, recognition: Recognition, figures: CallFigures) -> None:
        """Give it the parts it changes providers of."""
        self._speaker, self._recognition, self._figures = speaker, recognition, figures

    async def use(self, node: ConversationNode) -> None:
        """Open what the node needs, then change over; returns within `OPEN_SECONDS`."""
        wanted = self._nodes[node.id]
        await asyncio.gather(
            self._change(lambda: self._model(wanted.llm)),
            self._change(lambda: self._voice(wanted.tts)),
            self._change(lambda: self._hear(wanted.stt)),
        )

    async def _change(self, change: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                try:
                    await change()
                except ProviderError as failure:
                    self._figures.errors.append(str(failure))
                    if failure.retryable:
                        self._figures.provider_retries += 1
                        await change()
        except ProviderError as failure:
            self._figures.errors.append(str(failure))
        except TimeoutError:
            self._figures.errors.append(f"workflow: a node's provider was not there within {OPEN_SECONDS:g} seconds")

    async def _model(self, config: ProviderConfig) -> None:
        self.models.current = await self.models.get(config, self._opener.chat_model)

    async def _voice(self, config: ProviderConfig) -> None:
        self.voices.current = await self.voices.get(config, self._opener.synthesiser)
        self._speaker.use(self.voices.current)

    async def _hear(self, config: ProviderConfig) -> None:
        if _key(config) != self._stt:
            await self._recognition.use(await self._opener.recogniser(config))
            self._stt = _key(config)


async def _close(one: Closable) -> None:
    async with asyncio.timeout(CLOSE_SECONDS):
        await one.close()


def _key(config: ProviderConfig) -> str:
    return to_json(config.stored())
