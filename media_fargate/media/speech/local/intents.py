"""The chat model `intents`: answers from the assistant's own instructions and tools, without a language model.

It embeds sentences (MiniLM) and compares: a question is answered with the sentences of the system prompt that fit it,
a wish starts the tool that fits it, whose required parameters are then collected one by one. Everything it says is in
the instructions, in a tool's result or in `dialogue.replies`, so it invents nothing.

Limits: English; it tells facts as the instructions word them and does not reason, count or combine them; it does not
follow instructions about style or policy; a tool's free-text parameter is taken whole from the answer to its question;
a date without a year is the next such day in UTC; one tool at a time.
"""

from collections.abc import AsyncIterator, Iterator, Sequence

from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from media.speech.local.dialogue import replies
from media.speech.local.dialogue.conversation import Conversation, Reply
from media.speech.local.dialogue.offers import offers_of
from media.speech.local.dialogue.prompt import facts_of, identity_of
from media.speech.local.dialogue.text import sentences
from media.speech.local.models import LocalModels
from sovereign.kernel import ids


class IntentModel:
    """Stateless: each answer follows the whole conversation again, which costs nothing for sentences seen before."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models

    async def stream(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> AsyncIterator[ChatEvent]:
        """Answer sentence by sentence, then the tool call if one is wanted. Raises ProviderError when not installed."""
        for event in self.events_of(await self.reply(messages, tools)):
            yield event

    async def reply(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Reply:
        """What to answer. Raises ProviderError when not installed."""
        return await self._models.run(self._reply, messages, tools)

    def events_of(self, reply: Reply) -> Iterator[ChatEvent]:
        """An answer as a model streams it."""
        for place, sentence in enumerate(sentences(reply.text)):
            yield TextDelta(sentence if place == 0 else " " + sentence)
        if reply.tool:
            yield ToolCall(id=f"call_{ids.new_id()}", name=reply.tool, arguments=reply.arguments)
        yield ChatFinished(ProviderUsage(cost_usd=0.0))

    async def prepare(self, instructions: Sequence[str], tools: Sequence[ToolSpec]) -> None:
        """Embed what the answers will be chosen from, so that the first turn does not wait for it (15 ms each)."""
        examples = [example for offer in offers_of(tools) for example in offer.examples]
        await self._models.run(
            lambda: self._models.encoder.encode([*(fact.context for fact in facts_of(instructions)), *examples])
        )

    async def close(self) -> None:
        """Nothing is held."""

    def _reply(self, messages: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Reply:
        instructions = [m.content for m in messages if m.role == "system"]
        conversation = Conversation(facts_of(instructions), identity_of(instructions), tools, self._models.encoder)
        calls = {call.id: call for message in messages for call in message.tool_calls}
        reply = Reply(replies.GREETING)
        for message in messages:
            if message.role == "user":
                reply = conversation.caller_said(message.content)
            elif message.role == "assistant":
                names = [call.name for call in message.tool_calls]
                conversation.assistant_said(message.content, names[0] if names else None)
                reply = Reply(replies.STILL_THERE)
            elif message.role == "tool":
                asked = calls.get(message.tool_call_id or "")
                reply = conversation.tool_answered(message.content, asked.arguments if asked else {})
        return reply
