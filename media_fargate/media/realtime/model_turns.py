"""The model's turns: what it says, word for word and sound for sound, and the tools it calls with it."""

from collections.abc import Callable
from typing import Any

from media.conversation import events as ev
from media.realtime.awaited_answer import AwaitedAnswer
from media.realtime.host import Host
from media.realtime.link import ModelLink
from media.realtime.requests import Requests
from media.realtime.tool_runs import ToolRuns
from media.realtime.tool_turns import ToolTurns
from media.realtime.utterance import ModelUtterance
from media.realtime.voice import ModelVoice
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallsDropped,
    CallsWanted,
)


class ModelTurns:
    """Hands on what the model says to its voice and what it calls to its tools, and tells who waited for it."""

    def __init__(
        self,
        host: Host,
        *,
        link: ModelLink,
        voice: ModelVoice,
        tools: ToolRuns,
        requests: Requests,
        tool_turns: ToolTurns,
        answer: AwaitedAnswer,
    ) -> None:
        self._host = host
        self._link = link
        self._voice = voice
        self._tools = tools
        self._requests = requests
        self._tool_turns = tool_turns
        self._answer = answer
        self._last: ModelUtterance | None = None
        self.handlers: dict[type, Callable[[Any], None]] = {
            AgentAudio: self._on_audio,
            AgentWords: self._on_words,
            AgentPaused: lambda event: voice.complete(event.item),
            AgentTurnOver: self._on_over,
            CallsWanted: self._on_calls,
            CallsDropped: lambda event: tools.drop(event.ids),
            ev.UtteranceStarted: answer.started,
        }

    def _begin(self, item: str) -> ModelUtterance | None:
        """The stretch of speech it belongs to; None when that is not to be heard."""
        if self._host.closing and self._voice.expected is None and not self._voice.generating:
            return None
        begun = self._voice.begin(item, self._link.sample_rate)
        if begun is None:
            return None
        utterance, new = begun
        if new:
            self._on_begun()
        return utterance

    def _on_begun(self) -> None:
        # what it was asked for answers us, not the caller
        if self._answer.begins(asked=self._requests.unanswered):
            self._host.caller_answered()
        self._requests.answered()

    def _on_audio(self, event: AgentAudio) -> None:
        if self._begin(event.item) is not None:
            self._voice.play(event.item, event.pcm)

    def _on_words(self, event: AgentWords) -> None:
        if (utterance := self._begin(event.item)) is not None:
            utterance.spoken(event.text)
            self._last = utterance

    def _on_over(self, _: AgentTurnOver) -> None:
        self._voice.complete_all()
        if not self._tools.running and self._voice.expected is None:
            # a turn without a word answers nothing that was asked, but what was asked is over
            self._requests.answered()
        self._host.agent_finished(self._take_text())

    def _on_calls(self, event: CallsWanted) -> None:
        self._requests.answered()
        self._answer.put_off()
        spoke = bool(self._take_text()) or self._voice.generating
        self._tool_turns.called(event.calls, spoke=spoke)

    def _take_text(self) -> str:
        """What the assistant said last in this turn, which is over."""
        last, self._last = self._last, None
        if last is None or last.stopped or not last.has_sound:  # it was not said
            return ""
        # what may not be interrupted (notices, last words) is not the assistant's own
        return last.text if last.interruptible else ""
