"""What comes before the talk, in this order: disclosure, consent, recording notice, greeting."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from media.conversation.clearance import Clearance
from media.conversation.closing import Ending
from media.conversation.consent import ConsentStep
from media.conversation.settings import ConversationSettings
from media.conversation.utterance import Utterance
from sovereign.calls.model import EndReason


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

    def later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """Run something later, in order with the events."""


class Opening:
    """Speaks what has to be said first and gives the clearances; until it is over nobody is answered."""

    def __init__(self, settings: ConversationSettings, clearance: Clearance, host: Host) -> None:
        self._settings = settings
        self._clearance = clearance
        self._host = host
        self._notice: Utterance | None = None
        self.over = False
        self._consent = ConsentStep(
            ask=lambda: host.say(settings.consent or "", interruptible=False),
            stop=host.stop,
            agreed=self._go_on,
            refused=self._refused,
            later=host.later,
        )

    def begin(self) -> None:
        """The call is up."""
        if self._settings.disclosure:
            self._host.say(self._settings.disclosure, interruptible=False)
        if self._settings.consent:
            self._consent.begin()
        else:
            self._go_on()

    def press(self, digit: str) -> bool:
        """Take a key; False when the opening has no use for it."""
        pending = self._consent.pending
        self._consent.press(digit)
        return pending

    def utterance_done(self, utterance: Utterance) -> None:
        """Something was spoken, or given up."""
        self._consent.utterance_done(utterance)
        if utterance is self._notice and not (utterance.stopped or utterance.failed):
            self._clearance.recording.set()

    def cancel(self) -> None:
        """The call is ending: nothing of it is to come any more."""
        self._consent.cancel()

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
