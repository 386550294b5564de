"""What is said back and forth in a realtime call: its parts, put together, and whose turn it is after each event."""

from collections.abc import Callable
from typing import Any

from media.conversation.context import Context
from media.conversation.history import History
from media.realtime.awaited_answer import AwaitedAnswer
from media.realtime.caller_turns import CallerTurns
from media.realtime.caller_voice import CallerVoice
from media.realtime.caller_words import CallerTranscript
from media.realtime.connection import Connection
from media.realtime.events import AnswerLate, ToolsDone
from media.realtime.floor import Floor
from media.realtime.host import Host
from media.realtime.link import ModelLink
from media.realtime.model_turns import ModelTurns
from media.realtime.requests import Requests
from media.realtime.tool_runs import ToolRuns
from media.realtime.tool_turns import ToolTurns
from media.realtime.voice import ModelVoice


class Exchange:
    """The turns of one call. `handlers` is what its parts do about each event; `settle` follows each of them."""

    def __init__(
        self,
        host: Host,
        *,
        link: ModelLink,
        voice: ModelVoice,
        caller: CallerVoice,
        tools: ToolRuns,
        history: History,
        context: Context,
    ) -> None:
        self._host = host
        self._voice = voice
        words = CallerTranscript(history, host.caller_said)
        answer = AwaitedAnswer(context)
        self.requests = requests = Requests(link, lambda: context.post(AnswerLate()), tools)
        self.floor = floor = Floor(
            link=link, voice=voice, caller=caller, requests=requests, tools=tools, answer=answer, context=context
        )
        self.tool_turns = tool_turns = ToolTurns(
            host, link=link, tools=tools, requests=requests, history=history, floor=floor, answer=answer
        )
        self.model = ModelTurns(
            host, link=link, voice=voice, tools=tools, requests=requests, tool_turns=tool_turns, answer=answer
        )
        self.caller = CallerTurns(host, floor=floor, voice=voice, words=words, answer=answer, context=context)
        self.connection = Connection(
            host,
            link=link,
            voice=voice,
            floor=floor,
            words=words,
            answer=answer,
            requests=requests,
            tools=tools,
            tool_turns=tool_turns,
        )
        self.handlers: dict[type, Callable[[Any], None]] = {
            **self.connection.handlers,
            **self.model.handlers,
            **self.caller.handlers,
            ToolsDone: tool_turns.done,
        }

    def settle(self) -> None:
        """After every event: ask the model what waits for it."""
        connection, closing = self.connection, self._host.closing
        if connection.up and self.floor.model_done and self.tool_turns.change_due:
            connection.change_over()
        if connection.up and self.floor.model_done and (closing or not self.floor.caller_speaking):
            self._ask_next()
        self.floor.may_be_interrupted(closing=closing)

    def _ask_next(self) -> None:
        if self.requests.waiting and not self.requests.comes_to_change:
            self._voice.expect(self.requests.next())
