"""The model's connection as the conversation knows it: there, lost, and taken up again where it was."""

from collections.abc import Callable
from typing import Any

from media.realtime.awaited_answer import AwaitedAnswer
from media.realtime.caller_words import CallerTranscript
from media.realtime.events import AnswerLate, ModelConnected, ModelLost
from media.realtime.floor import Floor
from media.realtime.host import Host
from media.realtime.link import ModelLink
from media.realtime.requests import Requests
from media.realtime.tool_runs import ToolRuns
from media.realtime.tool_turns import ToolTurns
from media.realtime.voice import ModelVoice
from media.speech.interfaces import ProviderError

_GO_ON = "The connection broke for a moment while you were to speak. Go on with the conversation; greet nobody again."


class Connection:
    """Follows the link: `up` while the model can be talked to. What was under way when it was lost is asked for again,
    or gone on with."""

    def __init__(
        self,
        host: Host,
        *,
        link: ModelLink,
        voice: ModelVoice,
        floor: Floor,
        words: CallerTranscript,
        answer: AwaitedAnswer,
        requests: Requests,
        tools: ToolRuns,
        tool_turns: ToolTurns,
    ) -> None:
        self._host = host
        self._link = link
        self._voice = voice
        self._floor = floor
        self._words = words
        self._answer = answer
        self._requests = requests
        self._tools = tools
        self._tool_turns = tool_turns
        self._broke_off = self._gone = False
        self.up = False
        self.handlers: dict[type, Callable[[Any], None]] = {
            ModelConnected: self._on_connected,
            ModelLost: self._on_lost,
            AnswerLate: self._on_answer_late,
        }

    @property
    def has_voice(self) -> bool:
        """Whether what the model is asked to say now can still be said, if not at once."""
        return not self._gone

    def change_over(self) -> None:
        """Have the model go on under the instructions of another node."""
        self.up = not self._tool_turns.change_over()

    def failed(self) -> None:
        """The model is gone for good."""
        self.up, self._gone = False, True
        self._floor.give_up_lines()

    def _on_lost(self, _: ModelLost) -> None:
        self.up = False
        self._broke_off = self._voice.generating
        self._requests.say_again(self._voice.connection_lost(closing=self._host.closing))
        self._requests.hold()
        self._words.lost()

    def _on_connected(self, event: ModelConnected) -> None:
        self.up = True
        if event.again:
            self._take_up(event)
        self._tool_turns.connected()

    def _take_up(self, event: ModelConnected) -> None:
        unanswered = self._answer.expected and not event.hears_again
        broke_off = self._broke_off or self._tools.running or unanswered
        self._voice.expect(None)
        to_speak = self._requests.reconnected()
        if not broke_off or to_speak or event.renewed or self._host.closing:
            return
        if event.hears_again:
            self._answer.otherwise(self._go_on_unless_busy)
        else:
            self._requests.inform(_GO_ON)

    def _go_on_unless_busy(self) -> None:
        if self._floor.model_waits and not self._host.closing:
            self._requests.inform(_GO_ON)

    def _on_answer_late(self, _: AnswerLate) -> None:
        if self._host.closing:
            self._floor.give_up_lines()
        else:
            self._link.give_up(ProviderError("realtime", "did not answer in time", retryable=True))
