"""The chat model `smollm2-135m`: `intents`, with a small language model for what is only small talk.

Measured, SmolLM2-135M calls no tools, and it invents prices, opening hours and names. So `intents` decides every turn:
facts, tools, transfers and the end of the call are its own. Only where it has nothing that fits, and the caller asks
for nothing, the language model answers; one sentence, and only if it holds no fact, promise, name or role.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from media.speech.interfaces import ChatEvent, ChatFinished, ChatMessage, ProviderUsage, TextDelta, ToolSpec
from media.speech.local.dialogue import replies
from media.speech.local.dialogue.small_talk import first_sentence, is_small_talk, may_be_said, read_first
from media.speech.local.intents import IntentModel
from media.speech.local.models import LocalModels

_TURNS_SHOWN = 3
_SPEAKERS = {"user", "assistant"}


class SmallTalkModel:
    """Stateless. Raises ProviderError at once when the language model is not installed."""

    def __init__(self, models: LocalModels, temperature: float) -> None:
        models.require_smollm()
        self._models = models
        self._intents = IntentModel(models)
        self._temperature = temperature

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Answer as `intents` does, or with a sentence of small talk. Raises ProviderError."""
        reply = await self._intents.reply(messages, tools)
        turn = next((message.content for message in reversed(messages) if message.role == "user"), "")
        if reply.apt or not await self._models.run(lambda: is_small_talk(turn, self._models.encoder)):
            for event in self._intents.events_of(reply):
                yield event
            return
        said, made, usage = "", None, ProviderUsage(cost_usd=0.0)
        async with aclosing(self._models.generator.stream(_turns(messages), self._temperature)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ProviderUsage):
                    usage = piece
                    continue
                said += piece
                if made is None and (made := first_sentence(said)) is not None:
                    yield TextDelta(made if may_be_said(made) else replies.SMALL_TALK)
        if made is None:  # it rambled to the end of its tokens
            yield TextDelta(replies.SMALL_TALK)
        yield ChatFinished(usage)

    async def prepare(self, instructions: Sequence[str], tools: Sequence[ToolSpec]) -> None:
        """Embed what the answers are chosen from, and begin to load the model. Raises ProviderError."""
        await self._intents.prepare(instructions, tools)
        await self._models.run(lambda: read_first(self._models.encoder))
        self._models.generator.prepare()

    async def close(self) -> None:
        """Nothing is held."""


def _turns(messages: Sequence[ChatMessage]) -> list[tuple[str, str]]:
    """The last turns up to the caller's: the model gets none of the instructions, which it would make up answers to."""
    spoken: list[tuple[str, str]] = [(m.role, m.content) for m in messages if m.role in _SPEAKERS and m.content]
    last = max((place for place, (role, _) in enumerate(spoken) if role == "user"), default=-1)
    return spoken[max(0, last + 1 - _TURNS_SHOWN) : last + 1]
