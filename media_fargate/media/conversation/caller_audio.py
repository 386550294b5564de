"""Where the far end's audio goes: to the ear once it may be heard, and to what listens for tones."""

from collections.abc import Callable
from typing import Protocol

from media.audio.beep import BeepDetector
from media.audio.key_tones import KeyToneDecoder
from media.conversation.context import Context
from media.conversation.events import BeepEnded, BeepHeard
from media.telephony.leg import LegDigit


class Ear(Protocol):
    """Who hears the caller once that is allowed."""

    def hear(self, pcm: bytes, arrived: float) -> None:
        """Take audio whose last sample arrived at `arrived`."""


class CallerAudio:
    """Hands on each piece of audio; called by the poller.

    `keys_in_audio` and `beeps_wanted` tell whether the caller's keys, and beeps, are to be looked for at the moment.
    """

    def __init__(
        self,
        sample_rate: int,
        ear: Ear,
        context: Context,
        *,
        keys_in_audio: Callable[[], bool],
        beeps_wanted: Callable[[], bool],
    ) -> None:
        self._ear = ear
        self._clearance = context.clearance
        self._post = context.post
        self._keys = KeyToneDecoder(sample_rate)
        self._keys_in_audio = keys_in_audio
        self._beeps = BeepDetector(sample_rate)
        self._beeps_wanted = beeps_wanted
        self._beeping = False

    def hear(self, pcm: bytes, arrived: float) -> None:
        """Take audio whose last sample arrived at `arrived`. What may not be heard yet is not kept."""
        if self._keys_in_audio():
            for key in self._keys.push(pcm):
                self._post(LegDigit(key, in_audio=True))
        if self._beeps_wanted():
            self._listen_for_beeps(pcm)
        if self._clearance.listening.is_set():
            self._ear.hear(pcm, arrived)

    def _listen_for_beeps(self, pcm: bytes) -> None:
        self._beeps.push(pcm)
        hertz = self._beeps.beeping
        if (hertz is not None) != self._beeping:
            self._beeping = hertz is not None
            self._post(BeepEnded() if hertz is None else BeepHeard(hertz))
