"""What is said back and forth in a realtime call: the model's turns and its tools, the caller's, and interruptions."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from media.conversation import events as ev
from media.conversation.backchannels import is_backchannel
from media.conversation.context import Context
from media.conversation.figures import TurnFigures
from media.conversation.history import History
from media.conversation.turn_taking import FalseInterruption, Interrupted, TurnEnded
from media.realtime.caller_voice import CallerVoice
from media.realtime.caller_words import CallerTranscript
from media.realtime.events import AnswerLate, ModelConnected, ModelLost, ToolsDone
from media.realtime.host import Host
from media.realtime.link import ModelLink, Request
from media.realtime.requests import Requests
from media.realtime.tool_runs import ToolRuns
from media.realtime.tool_turns import ANSWER_EXPECTED_SECONDS, ToolTurns
from media.realtime.utterance import ModelUtterance
from media.realtime.voice import ModelVoice, Unheard
from media.speech.interfaces import ProviderError
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentPaused,
    AgentTurnOver,
    AgentWords,
    CallerSpeaks,
    CallerWords,
    CallsDropped,
    CallsWanted,
    SpeechSession,
)

_GO_ON = "The connection broke for a moment while you were to speak. Go on with the conversation; greet nobody again."


class Exchange:
    """The turns of one call. `handlers` is what it does about each event."""

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
        self._link = link
        self.voice = voice
        self._caller = caller
        self.tools = tools
        self._figures = context.figures
        self._post = context.post
        self._loop = asyncio.get_running_loop()
        self._words = CallerTranscript(history, host.caller_said)
        self.requests = Requests(link, lambda: context.post(AnswerLate()), tools.wants)
        self.tool_turns = ToolTurns(
            host, link=link, tools=tools, requests=self.requests, history=history, idle=lambda: self.idle
        )
        self.connected = self.renewing = False
        self._speech_ended: float | None = None
        self._turn_figures: TurnFigures | None = None
        self._answer_expected_until = 0.0
        self._last_text = ""
        self.handlers: dict[type, Callable[[Any], None]] = {
            ModelConnected: self._on_connected,
            ModelLost: self._on_lost,
            AnswerLate: self._on_answer_late,
            AgentAudio: self._on_audio,
            AgentWords: self._on_words,
            AgentPaused: lambda event: self.voice.complete(event.item),
            AgentTurnOver: self._on_turn_over,
            CallerSpeaks: lambda _: self.take_floor(),
            CallerWords: self._on_caller_words,
            CallsWanted: self._on_calls,
            CallsDropped: lambda event: self.tools.drop(event.ids),
            ToolsDone: self.tool_turns.done,
            TurnEnded: self._on_caller_paused,
            Interrupted: lambda _: self._pause(),
            FalseInterruption: self._on_false_interruption,
            ev.UtteranceStarted: self._on_utterance_started,
        }

    # who has the floor

    def settle(self) -> None:
        """After every event: ask the model what waits for it."""
        if self._model_done and self.tool_turns.change_due:
            self.renewing = self.tool_turns.change_over()
            self.connected = not self.renewing
        if self._model_free and self.requests.waiting and not self.requests.comes_to_change:
            self.voice.expect(self.requests.next())
        self._caller.turns.agent_active = self.voice.audible and not self._host.closing

    @property
    def protected(self) -> bool:
        """Whether the model says something, or is to, that must not be interrupted."""
        said = (self.voice.expected, self.voice.playout.current)
        return any(utterance is not None and not utterance.interruptible for utterance in said)

    @property
    def quiet(self) -> bool:
        """Whether the model says nothing and was not asked to."""
        return not (self.voice.playout.speaking or self.voice.generating or self.requests.unanswered)

    @property
    def idle(self) -> bool:
        """Whether neither side speaks or is expected to."""
        busy = self.requests.waiting or self.tools.running or self._caller.turns.in_turn
        return self.quiet and not busy and not self._answer_expected

    @property
    def caller_in_turn(self) -> bool:
        """Whether the caller speaks."""
        return self._caller.turns.in_turn

    @property
    def _model_free(self) -> bool:
        return self._model_done and (self._host.closing or not self._caller.turns.caller_speaking)

    @property
    def _model_done(self) -> bool:
        return self.connected and not (self.voice.generating or self.requests.unanswered)

    @property
    def _answer_expected(self) -> bool:
        return self._loop.time() < self._answer_expected_until

    # the connection

    def _on_lost(self, _: ModelLost) -> None:
        self.connected = False
        self.requests.hold()
        self._words.lost()

    def _on_connected(self, event: ModelConnected) -> None:
        self.connected, self.renewing = True, False
        self.tool_turns.connected()
        if not event.again:
            return
        unanswered = self._answer_expected and not event.hears_again
        broke_off = self.voice.generating or self.tools.running or unanswered
        self.voice.forget_connection()
        asked_again = self.requests.reconnected()
        if broke_off and not (asked_again or event.renewed or self._host.closing):
            self.requests.inform(_GO_ON)

    def _on_answer_late(self, _: AnswerLate) -> None:
        if self._host.closing:
            self.give_up_lines()
        else:
            self._link.give_up(ProviderError("realtime", "did not answer in time", retryable=True))

    # the model's turn

    def _begin(self, item: str) -> bool:
        """Whether this stretch of speech is to be heard."""
        if self._host.closing and self.voice.expected is None and not self.voice.generating:
            return False
        begun = self.voice.begin(item, self._link.sample_rate)
        if begun is not None and begun[1]:
            self._answer_began()
        return begun is not None

    def _answer_began(self) -> None:
        now, ended, self._speech_ended = self._loop.time(), self._speech_ended, None
        # what it was asked for answers us, not the caller
        mine = ended is None or self.requests.unanswered
        if not mine:
            self._host.caller_answered()
        self._turn_figures = None if mine else TurnFigures(speech_ended=ended or now, decided=now, first_token=now)
        self.requests.answered()
        self.tool_turns.answered()
        self._answer_expected_until = 0.0

    def _on_audio(self, event: AgentAudio) -> None:
        if self._begin(event.item):
            self.voice.play(event.item, event.pcm)

    def _on_words(self, event: AgentWords) -> None:
        if self._begin(event.item) and (begun := self.voice.begin(event.item, self._link.sample_rate)):
            begun[0].spoken(event.text)
            # what may not be interrupted is not the assistant's own: notices, announcements, last words
            self._last_text = begun[0].text if begun[0].interruptible else ""

    def _on_turn_over(self, _: AgentTurnOver) -> None:
        self.voice.complete_all()
        if not self.tools.running and self.voice.expected is None:
            # a turn without a word answers nothing that was asked, but what was asked is over
            self.requests.answered()
        text, self._last_text = self._last_text, ""
        self._host.agent_finished(text)

    def _on_calls(self, event: CallsWanted) -> None:
        self.requests.answered()
        self._answer_expected_until = 0.0
        spoke, self._last_text = bool(self._last_text) or self.voice.generating, ""
        self.tool_turns.called(event.calls, spoke=spoke)

    # the caller's turn

    def _on_caller_paused(self, event: TurnEnded) -> None:
        if event.echo:
            self._figures.echoes += 1
            return
        if not self.quiet:  # the model was faster
            return
        self._speech_ended = event.at
        self._answer_expected_until = self._loop.time() + ANSWER_EXPECTED_SECONDS
        self._loop.call_later(ANSWER_EXPECTED_SECONDS, self._post, ev.FloorWanted())

    def _pause(self) -> None:
        if self.voice.audible and not self.voice.playout.paused:
            self._figures.interruptions += 1
            self.voice.playout.pause()

    def _on_false_interruption(self, _: FalseInterruption) -> None:
        if self.voice.playout.paused:
            self._figures.false_interruptions += 1
            self.voice.playout.resume()

    def _on_caller_words(self, event: CallerWords) -> None:
        self._words.take(event)
        if event.text:
            self._host.caller_spoke(event.text)
        if self.voice.playout.paused and event.text and not is_backchannel(event.text):
            self.take_floor()

    def caller_left(self) -> None:
        """Nothing more is heard of the caller."""
        self._words.lost()

    def take_floor(self) -> None:
        """The caller meant it: give up what was being said, and tell the model how much was heard."""
        playout = self.voice.playout
        if not playout.paused and self.voice.audible:
            self._figures.interruptions += 1
        if playout.paused or self.voice.audible:
            # what was made and not heard was not said
            self._last_text = ""
            self._host.interrupted()
        self._tell_heard(self.voice.give_up())
        self._caller.settle_interruption()
        playout.resume()
        self._host.caller_spoke("")

    def fall_silent(self) -> None:
        """Give up everything that is said or was to be."""
        self.give_up_lines()
        if self.voice.generating:
            self._link.ask(_cancel)
        self._tell_heard(self.voice.give_up(all_of_it=True))

    def give_up_lines(self) -> None:
        """What the model was asked for is not waited for any more."""
        self.voice.expect(None)
        for line in self.requests.drop():
            self.voice.playout.stop(line)

    def say(self, line: ModelUtterance) -> None:
        """Have the model say a line after what it was asked before."""
        self.requests.say(line, self.tools.put_off(self._link.connections))

    def tell(self, text: str) -> None:
        """Tell the model something it does not answer."""

        async def request(session: SpeechSession) -> None:
            await session.inform(text, respond=False)

        self._link.ask(request)

    def _tell_heard(self, cut_off: Sequence[Unheard]) -> None:
        for unheard in cut_off:
            self._link.ask(_heard(unheard))

    def _on_utterance_started(self, event: ev.UtteranceStarted) -> None:
        figures = self._turn_figures
        if figures is None:
            return
        figures.first_audio, figures.first_packet = event.utterance.first_audio_at, event.at
        self._figures.turns.append(figures)
        self._turn_figures = None


def _heard(unheard: Unheard) -> Request:
    async def request(session: SpeechSession) -> None:
        await session.heard(unheard.item, unheard.milliseconds)

    return request


async def _cancel(session: SpeechSession) -> None:
    await session.cancel()
