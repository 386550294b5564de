"""One answer of the agent: rounds of model text and tools until nothing is left to say."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from media.conversation.context import Context
from media.conversation.events import ReplyDone
from media.conversation.history import Answer, History
from media.conversation.sentences import SentenceSplitter
from media.conversation.speaker import Speaker
from media.conversation.streams import chunks_in_time
from media.conversation.tools import ReplyTools, ToolResult, leaves_nothing_to_say
from media.conversation.utterance import Utterance
from media.speech.continuing import continued
from media.speech.interfaces import (
    ChatFinished,
    ChatMessage,
    ChatModel,
    Progress,
    ProviderError,
    TextDelta,
    ToolCall,
    ToolSpec,
)

MAX_TOOL_ROUNDS = 8
"""Rounds of tool calls in one answer; after these the model must speak without tools."""
TOKEN_TIMEOUT_SECONDS = 10.0


class Reply:
    """The state of one answer. `released`: the caller's turn is over, so it may be heard and may act."""

    def __init__(self) -> None:
        self.released = False
        self.interrupted = False
        self.running_tools = False
        self.line_spoken = False
        """Whether the last round's text is its tools' line, not the model's."""
        self.end: ToolResult | None = None
        """The tool call that ends the call."""
        self.finished = False
        self.error: ProviderError | None = None
        self.first_token_at: float | None = None
        self.utterances: list[Utterance] = []
        self.task: asyncio.Task[None] | None = None
        self.may_act = asyncio.Event()
        self.answer: Answer | None = None

    @property
    def text(self) -> str:
        """All it said or meant to say."""
        return " ".join(utterance.text for utterance in self.utterances if utterance.text)


class Responder:
    """Starts, releases and stops replies. One a call; `post` receives ReplyDone exactly once a reply not discarded."""

    def __init__(
        self,
        model: ChatModel,
        speaker: Speaker,
        tools: ReplyTools,
        history: History,
        context: Context,
    ) -> None:
        self._model = model
        self._speaker = speaker
        self._tools = tools
        self._history = history
        self._figures = context.figures
        self._spawn = context.spawn
        self._post = context.post
        self._loop = asyncio.get_running_loop()

    def begin(self, messages: Sequence[ChatMessage]) -> Reply:
        """Start generating; nothing is heard, done or remembered before `release`."""
        reply = Reply()
        reply.task = self._spawn(self._run(reply, messages))
        return reply

    def release(self, reply: Reply) -> None:
        """Let the reply be heard, use its tools and enter the history."""
        reply.released = True
        for utterance in reply.utterances:
            self._publish(reply, utterance)
        reply.may_act.set()

    def discard(self, reply: Reply) -> None:
        """Throw away a reply that was not released."""
        self._figures.discarded_answers += 1
        self._stop(reply)

    def interrupt(self, reply: Reply) -> None:
        """The caller took the turn: stop speaking and generating. Tools already called are waited for."""
        reply.interrupted = True
        if reply.running_tools:
            for utterance in reply.utterances:
                self._speaker.stop(utterance)
            return
        self._stop(reply)
        self._done(reply)

    def _stop(self, reply: Reply) -> None:
        if reply.task is not None:
            reply.task.cancel()
        for utterance in reply.utterances:
            self._speaker.stop(utterance)

    def _done(self, reply: Reply) -> None:
        if not reply.finished:
            reply.finished = True
            self._post(ReplyDone(reply, reply.error))

    def _publish(self, reply: Reply, utterance: Utterance) -> None:
        reply.answer = self._history.add_answer(utterance)
        self._speaker.release(utterance)

    async def _run(self, reply: Reply, messages: Sequence[ChatMessage]) -> None:
        try:
            for remaining in range(MAX_TOOL_ROUNDS, -1, -1):
                calls = await self._round(reply, messages, self._tools.specs if remaining else [])
                if not calls or not await self._use_tools(reply, calls):
                    break
                messages = self._history.messages()
        except ProviderError as failure:
            reply.error = failure
            reply.utterances[-1].finish()
        await reply.may_act.wait()
        await reply.utterances[-1].done.wait()
        self._done(reply)

    async def _round(
        self, reply: Reply, messages: Sequence[ChatMessage], specs: Sequence[ToolSpec]
    ) -> Sequence[ToolCall]:
        """One request to the model; its text is spoken as it comes. Returns the tools it wants."""
        utterance = self._speaker.prepare()
        reply.utterances.append(utterance)
        if reply.released:
            self._publish(reply, utterance)
        calls: list[ToolCall] = []
        for attempt in range(2):
            try:
                calls = await self._generate(reply, utterance, messages, specs)
                if calls or utterance.text:
                    break
            except ProviderError as failure:
                self._figures.errors.append(str(failure))
                if attempt or not failure.retryable:
                    raise
            self._figures.provider_retries += 1
            if utterance.text:
                messages = continued(messages, utterance.text)
        filler = None if utterance.text else self._tools.filler(calls)
        reply.line_spoken = filler is not None
        if filler:
            utterance.say(filler)
        utterance.finish()
        return calls

    async def _generate(
        self, reply: Reply, utterance: Utterance, messages: Sequence[ChatMessage], specs: Sequence[ToolSpec]
    ) -> list[ToolCall]:
        splitter = SentenceSplitter()
        calls: list[ToolCall] = []
        try:
            async with aclosing(
                chunks_in_time(self._model.stream(messages, specs), TOKEN_TIMEOUT_SECONDS, "llm")
            ) as out:
                async for event in out:
                    if reply.first_token_at is None and not isinstance(event, Progress):
                        reply.first_token_at = self._loop.time()
                    if isinstance(event, TextDelta):
                        for sentence in splitter.push(event.text):
                            utterance.say(sentence)
                    elif isinstance(event, ToolCall):
                        calls.append(event)
                    elif isinstance(event, ChatFinished):
                        self._figures.add_model_usage(event.usage)
        finally:
            # what came before a broken connection is spoken: the next attempt goes on after it
            if rest := splitter.rest():
                utterance.say(rest)
        return calls

    async def _use_tools(self, reply: Reply, calls: Sequence[ToolCall]) -> bool:
        """Run the tools once the reply may act; whether the model is to be asked again."""
        await reply.may_act.wait()
        answer = reply.answer
        assert answer is not None  # noqa: S101 - set when the reply was released
        answer.tool_calls = calls
        reply.running_tools = True
        try:
            results = await self._tools.run(calls)
        finally:
            reply.running_tools = False
        answer.results.update({result.call.id: result.text for result in results})
        reply.end = next((result for result in results if result.ends_call), None)
        complete = leaves_nothing_to_say(results, line_spoken=reply.line_spoken)
        return not (reply.end or reply.interrupted or complete)
