"""What comes before the talk, in this order: the answerer's first words, disclosure, consent, notice, greeting."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from media.conversation.clearance import Clearance
from media.conversation.closing import Ending
from media.conversation.consent import Away, ConsentStep
from media.conversation.events import ConversationEvent
from media.conversation.settings import ConversationSettings
from media.conversation.utterance import Utterance
from media.conversation.voicemail import VoicemailWatch
from sovereign.calls.model import EndReason

GREETING_WAITS_SECONDS = 2.5
"""For the end of what the answerer says first."""


class Host(Protocol):
    """What the opening needs of the conversation it opens."""

    def say(self, text: str, *, interruptible: bool = True, then_end: bool = False) -> Utterance:
        """Speak after what is being said."""

    def stop(self, utterance: Utterance) -> None:
        """Give up something that is said or waits to be."""

    def greet(self) -> None:
        """Speak the first message, or let the model open."""

    def close(self, ending: Ending, message: str | None = None) -> None:
        """End the call."""

    def decide(self, ending: Ending) -> bool:
        """Fall silent for good: the call ends with `last_words`."""

    def last_words(self, text: str) -> None:
        """Speak these in place of any before, then end the call."""

    def later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """Run something later, in order with the events."""


class Opening:
    """Speaks what has to be said first and gives the clearances; until it is over nobody is answered."""

    def __init__(self, settings: ConversationSettings, clearance: Clearance, host: Host) -> None:
        self._settings = settings
        self._clearance = clearance
        self._host = host
        self._notice: Utterance | None = None
        self._waiting_since_answer: asyncio.TimerHandle | None = None
        self.over = False
        self.voicemail = VoicemailWatch(self, host.later)
        self._consent = ConsentStep(
            ask=lambda: host.say(settings.consent or "", interruptible=False),
            stop=host.stop,
            agreed=self._go_on,
            refused=self._refused,
            later=host.later,
        )

    def begin(self) -> None:
        """The call is up."""
        if self._settings.voicemail_detection:
            self._clearance.listening.set()
            self.voicemail.start()
            self._waiting_since_answer = self._host.later(GREETING_WAITS_SECONDS, self._speak)
        else:
            self._speak()

    @property
    def lets_speak_first(self) -> bool:
        """Whether it waits for the end of what the answerer says first."""
        return self._waiting_since_answer is not None

    def answerer_paused(self) -> None:
        """Nobody speaks at the moment."""
        if self.lets_speak_first and self.voicemail.heard_speech:
            self._speak()

    def press(self, digit: str) -> bool:
        """Take a key; False when the opening has no use for it."""
        pending = self._consent.pending
        self._consent.press(digit)
        return pending

    def observe(self, event: ConversationEvent) -> None:
        """Look at what happened, before anything else does."""
        self.voicemail.observe(event)

    def utterance_done(self, utterance: Utterance) -> None:
        """Something was spoken, or given up."""
        self._consent.utterance_done(utterance)
        if utterance is self._notice and _was_heard(utterance):
            self._clearance.recording.set()

    def suspend(self) -> None:
        """The caller is being handed over: what the line brings from here on, music and tones too, is no machine's."""
        self.voicemail.cancel()
        self._consent.suspend(Away.TRANSFER)

    def resume(self) -> None:
        """The caller was not handed over after all."""
        self._consent.resume(Away.TRANSFER)

    def hold(self, *, held: bool) -> None:
        """The call is on hold, in which nobody hears a question or answers it, or it is taken back."""
        (self._consent.suspend if held else self._consent.resume)(Away.HOLD)

    def cancel(self) -> None:
        """The call is ending: nothing of it is to come any more."""
        self._consent.cancel()
        self._stop_waiting()

    # what is said

    def _speak(self) -> None:
        if self._settings.voicemail_detection and not self.lets_speak_first:
            return
        self._stop_waiting()
        if self._settings.disclosure:
            self._host.say(self._settings.disclosure, interruptible=False)
        if self._settings.consent:
            self._consent.begin()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Nothing stands against listening any more."""
        self._clearance.listening.set()
        if self._settings.recording_notice:
            self._notice = self._host.say(self._settings.recording_notice, interruptible=False)
        elif self._settings.recording_without_notice:
            self._clearance.recording.set()
        self.over = True
        self._host.greet()

    def _refused(self, reason: EndReason) -> None:
        self._host.close(Ending(reason))

    def _stop_waiting(self) -> None:
        if self._waiting_since_answer is not None:
            self._waiting_since_answer.cancel()
            self._waiting_since_answer = None

    # what the voicemail watch asks for

    def machine_answered(self) -> bool:
        """Fall silent for good; with nothing to leave the call is over."""
        if not self._settings.voicemail_message:
            self._host.close(Ending(EndReason.VOICEMAIL))
            return False
        return self._host.decide(Ending(EndReason.VOICEMAIL))

    def leave_message(self) -> None:
        """Speak the message and hang up. It begins with the disclosure, as every call: who plays it back has not heard
        what was said before the machine recorded."""
        spoken = (self._settings.disclosure, self._settings.voicemail_message)
        self._host.last_words(" ".join(filter(None, spoken)))


def _was_heard(utterance: Utterance) -> bool:
    return utterance.done.is_set() and not (utterance.stopped or utterance.failed)
