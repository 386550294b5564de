"""What both kinds of conversation are: events in order, the caller's keys and silence, a transfer, and how it ends."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from media.conversation import events as ev
from media.conversation.closing import Closing, Ending
from media.conversation.keypad import Keypad
from media.conversation.opening import Opening
from media.conversation.opt_out import OptOut
from media.conversation.sentences import contains_phrase
from media.conversation.settings import ConversationSettings
from media.conversation.silence import SilenceWatch
from media.conversation.utterance import Utterance
from media.speech.interfaces import ProviderError
from media.telephony.leg import LegDigit
from sovereign.calls.model import EndReason


class BaseConversation(ABC):
    """One call's conversation. `end` is called when the call is to end."""

    opening: Opening

    def __init__(
        self, settings: ConversationSettings, end: Callable[[Ending], None], opt_out: OptOut | None = None
    ) -> None:
        self._settings = settings
        self._opt_out = opt_out
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[ev.ConversationEvent] = asyncio.Queue()
        self._closing = Closing(end)
        self._transferring = self._peer_may_leave = False
        self._broken: ProviderError | None = None
        self._says_then_ends: Utterance | None = None
        policy = settings.silence
        self._silence = SilenceWatch(policy, lambda: self.post(ev.SilenceDue())) if policy else None
        self.keypad = Keypad(lambda digits: self.post(ev.DigitsEntered(digits)))

    # what the kinds do differently

    @abstractmethod
    def say(self, text: str, *, interruptible: bool = True, then_end: bool = False) -> Utterance:
        """Speak after what is being said; with `then_end` the call ends afterwards."""

    @abstractmethod
    def note(self, text: str, *, respond: bool) -> None:
        """Tell the model something; with `respond` it speaks as soon as the floor is free."""

    @property
    @abstractmethod
    def _idle(self) -> bool:
        """Whether nobody speaks or is expected to."""

    @property
    def _has_voice(self) -> bool:
        """Whether anything can be said."""
        return True

    @abstractmethod
    def _fall_silent(self) -> None:
        """Give up all that is said or was to be."""

    # events

    def post(self, event: ev.ConversationEvent) -> None:
        """Hand over what happened; it is handled in order."""
        self._events.put_nowait(event)

    def later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """Run something later, in order with the events."""
        return self._loop.call_later(seconds, lambda: self.post(ev.Due(act)))

    def _on_digit(self, event: LegDigit) -> None:
        if self.keypad.counts(event):
            self._caller_spoke()
            if not self.opening.press(event.digit):
                self.keypad.press(event.digit)

    def _caller_spoke(self) -> None:
        """The caller is there: not silent, and no echo."""
        if self._silence:
            self._silence.start_over()

    def _on_silence(self, _: ev.SilenceDue) -> None:
        if self._silence and self._idle and not self._silence.on_hold:
            self._silence.act(self)

    def on_hold(self, *, held: bool) -> None:
        """Nobody is there to be asked while we are on hold; who comes back from it is there."""
        self.opening.hold(held=held)
        if self._silence:
            self._silence.hold(held=held)
            self.post(ev.FloorWanted())

    def _after(self, utterance: Utterance) -> None:
        """Something was spoken, or given up: what follows from that."""
        self.opening.utterance_done(utterance)
        self._closing.utterance_done(utterance)
        if utterance is self._says_then_ends:
            self._close_when_heard(Ending(EndReason.CONTROL_END_CALL))

    def _is_goodbye(self, text: str) -> bool:
        """Whether the assistant ends the call by saying this."""
        return contains_phrase(text, self._settings.end_call_phrases)

    # the caller is handed over

    @contextmanager
    def transferring(self, *, peer_may_leave: bool) -> Iterator[None]:
        """While the caller is being handed over nobody is listened to or answered; see `CallConversation`."""
        self._transferring, self._peer_may_leave = True, peer_may_leave
        self.opening.suspend()
        try:
            yield
        finally:
            self._transferring = self._peer_may_leave = False
            if self._broken is None:
                self._resume()
            # later: by then the caller may be gone, or what the peer would not do be under way over a second leg
            self.post(ev.Due(self._not_handed_over))

    def _resume(self) -> None:  # noqa: B027 - not every kind has something to do
        """The caller was not handed over after all."""

    def transferred(self) -> None:
        """The caller was handed over."""
        self._broken = None
        self._closing.transferred()

    def _not_handed_over(self) -> None:
        if self._transferring:
            return
        if self._broken is None:
            self.opening.resume()
        else:
            self.close(Ending(EndReason.TRANSFER_FAILED, str(self._broken)), self._settings.apology)

    def fail(self, error: ProviderError) -> None:
        """A provider failed for good: apologise, where there is a voice to, and end. A transfer that is under way goes
        on without the assistant, and only its failure ends the call."""
        if self._transferring:
            self._broken = error
        else:
            self.close(Ending(EndReason.PROVIDER_ERROR, str(error)), self._settings.apology)

    # the end

    @property
    def closing(self) -> bool:
        """Whether the call is about to end."""
        return self._closing.decided

    def close(self, ending: Ending, message: str | None = None) -> None:
        """End the call after an optional last message; the first ending stands."""
        if not self.decide(ending):
            return
        self.opening.voicemail.cancel()
        self._closing.after(self.say(message, interruptible=False) if message and self._has_voice else None)

    def _close_when_heard(self, ending: Ending, message: str | None = None) -> None:
        """As `close`, when what ends the call was just spoken: its end is still on its way."""
        if message:
            self.close(ending, message)
        elif self.decide(ending):
            self.opening.voicemail.cancel()
            self._closing.after_last_packets()

    def cut(self, ending: Ending) -> None:
        """End the call in this moment; what was decided before stands as the reason."""
        self._closing.cut(ending)

    def last_words(self, text: str) -> None:
        """Speak these in place of any before, then end the call as it was decided."""
        self._fall_silent()
        self._closing.after(self.say(text, interruptible=False))

    def decide(self, ending: Ending) -> bool:
        """Fall silent for good, for the call is going to end like this; False when it was decided before."""
        if not self._closing.decide(ending):
            return False
        if self._silence:
            self._silence.pause()
        self.keypad.close()
        self.opening.cancel()
        self._fall_silent()
        return True
