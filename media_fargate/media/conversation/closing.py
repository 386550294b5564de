"""How a call ends: the reason, the last words, and not before they were spoken."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from media.conversation.utterance import Utterance
from media.telephony.leg import LegClosed, LegClosedBy
from sovereign.calls.model import EndReason

CLOSING_SECONDS = 30.0
"""Longest goodbye: a message of 300 characters takes about 20 s to speak."""
_SECONDS_A_CHARACTER = 0.12
"""A slow voice: what is longer than any goodbye (a message left on a machine) gets its time."""
LAST_PACKETS_SECONDS = 0.1
"""What has left the leg's buffer is still on its way when the last word counts as played."""
_TRANSFER_ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Ending:
    """Why the call ends; `error` is for the customer."""

    reason: EndReason
    error: str | None = None


class Closing:
    """The end of a call once it was decided; the first decision stands. `end` is called when it is carried out."""

    def __init__(self, end: Callable[[Ending], None]) -> None:
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._ending: Ending | None = None
        self._last_words: Utterance | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def decided(self) -> bool:
        """Whether the call is about to end."""
        return self._ending is not None

    def decide(self, ending: Ending) -> bool:
        """Decide the end; False when it was decided before."""
        if self._ending is not None:
            return False
        self._ending = ending
        return True

    def after(self, last_words: Utterance | None) -> None:
        """Carry it out when these words have been spoken, or now. They take the place of any given before."""
        if self._ending is None:
            raise RuntimeError("the end has not been decided")
        self._last_words = last_words
        if last_words is None:
            self._end(self._ending)
        else:
            if self._timer is not None:
                self._timer.cancel()
            longest = max(CLOSING_SECONDS, len(last_words.expected_text) * _SECONDS_A_CHARACTER)
            self._timer = self._loop.call_later(longest, self._end, self._ending)

    def after_last_packets(self) -> None:
        """Carry it out when what was just spoken has arrived."""
        if self._ending is None:
            raise RuntimeError("the end has not been decided")
        self._loop.call_later(LAST_PACKETS_SECONDS, self._end, self._ending)

    def cut(self, ending: Ending) -> None:
        """The call is over now, whatever is still being said; the reason decided before stands."""
        self._end(self._ending or ending)

    def utterance_done(self, utterance: Utterance) -> None:
        """An utterance was spoken: perhaps the last one."""
        if self._ending is not None and utterance is self._last_words:
            self._loop.call_later(LAST_PACKETS_SECONDS, self._end, self._ending)

    def leg_closed(self, event: LegClosed, *, may_leave: bool) -> None:
        """The leg is gone: the call is over, for the reason decided before or for this one."""
        if self._ending is not None:
            self._end(self._ending)
        elif may_leave:
            # a peer we have referred may hang up before the transfer's own answer arrives: let that tell
            self._loop.call_later(_TRANSFER_ANSWER_SECONDS, self._end, Ending(EndReason.USER_HANGUP))
        elif event.by is LegClosedBy.PEER:
            self._end(Ending(EndReason.USER_HANGUP))
        else:
            self._end(Ending(EndReason.MEDIA_LOST, event.detail))

    def transferred(self) -> None:
        """The caller was handed over: our part of the call is over."""
        self._end(Ending(EndReason.TRANSFERRED))
