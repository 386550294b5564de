"""The caller's turns: their voice pauses the model, their words or the model's own notice take the floor from it."""

from collections.abc import Callable
from typing import Any

from media.conversation.backchannels import is_backchannel
from media.conversation.context import Context
from media.conversation.turn_taking import FalseInterruption, Interrupted, TurnEnded
from media.realtime.awaited_answer import AwaitedAnswer
from media.realtime.caller_words import CallerTranscript
from media.realtime.floor import Floor
from media.realtime.host import Host
from media.realtime.voice import ModelVoice
from media.speech.speech_to_speech import CallerSpeaks, CallerWords


class CallerTurns:
    """Follows what the caller says, as the voice tells it here and the words come from the model."""

    def __init__(
        self,
        host: Host,
        *,
        floor: Floor,
        voice: ModelVoice,
        words: CallerTranscript,
        answer: AwaitedAnswer,
        context: Context,
    ) -> None:
        self._host = host
        self._floor = floor
        self._playout = voice.playout
        self._words = words
        self._answer = answer
        self._figures = context.figures
        self.handlers: dict[type, Callable[[Any], None]] = {
            TurnEnded: self._on_ended,
            Interrupted: lambda _: floor.pause(),
            FalseInterruption: lambda _: floor.give_back(),
            CallerSpeaks: lambda _: self.take_floor(),
            CallerWords: self._on_words,
        }

    def _on_ended(self, event: TurnEnded) -> None:
        if event.echo:
            self._figures.echoes += 1
        elif self._floor.quiet:  # else the model was faster
            self._answer.expect(event.at)

    def _on_words(self, event: CallerWords) -> None:
        self._words.take(event)
        if event.text:
            self._host.caller_spoke(event.text)
        if self._playout.paused and event.text and not is_backchannel(event.text):
            self.take_floor()

    def take_floor(self) -> None:
        """The caller meant it."""
        if self._floor.take():
            self._host.interrupted()
        self._host.caller_spoke("")

    def left(self) -> None:
        """Nothing more is heard of the caller."""
        self._words.lost()
