"""What the caller says while the model may not hear it yet."""

from media.audio.levels import duration, size
from media.speech.speech_to_speech import AgentAudio, AgentWords, CallerWords, CallsWanted, SpeechEvent

_BEFORE_SPEECH_SECONDS = 0.5
"""Of the sound before somebody was known to speak: the beginning of the first word."""
_LONGEST_SECONDS = 30.0
_NOTICED_WITHIN_SECONDS = 3.0
"""So long after the caller spoke the model has taken it for nothing."""


class HeldAudio:
    """Keeps audio from the first word on; without one there is nothing worth hearing later."""

    def __init__(self, sample_rate: int) -> None:
        self._before = size(_BEFORE_SPEECH_SECONDS, sample_rate)
        self._longest = size(_LONGEST_SECONDS, sample_rate)
        self._pcm = bytearray()
        self.spoken = False

    def take(self, pcm: bytes, *, speaking: bool) -> None:
        """More audio; `speaking`: somebody is known to speak."""
        self.spoken = self.spoken or speaking
        self._pcm += pcm
        del self._pcm[: -(self._longest if self.spoken else self._before)]

    @property
    def pcm(self) -> bytes:
        """What is to be heard."""
        return bytes(self._pcm) if self.spoken else b""


class UnansweredTurn:
    """What the caller said, as long as another connection would have to hear it again: until the model answers it,
    tells what was said, or takes no notice for a while."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._speaking = False
        self._forget()

    def _forget(self) -> None:
        self._audio = HeldAudio(self._rate)
        self._known = False
        self._silence = 0.0

    def take(self, pcm: bytes, *, speaking: bool, connected: bool) -> None:
        """More audio; `speaking`: somebody is known to speak; `connected`: a model hears it."""
        self._speaking = speaking
        if speaking or not connected:
            self._silence = 0.0
        elif self._audio.spoken:
            self._silence += duration(len(pcm), self._rate)
            if self._known or self._silence > _NOTICED_WITHIN_SECONDS:
                self._forget()
        self._audio.take(pcm, speaking=speaking)

    def observe(self, event: SpeechEvent) -> None:
        """What the model says and hears."""
        if self._speaking:
            # an answer that comes now is to something else
            self._known = self._known or (isinstance(event, CallerWords) and event.final and bool(event.text))
        elif isinstance(event, AgentAudio | AgentWords | CallsWanted) or (
            isinstance(event, CallerWords) and event.text
        ):
            self._forget()  # at once: the connection may be gone before more is heard

    def to_hear(self) -> bytes:
        """What a new connection is to hear first."""
        self._known, self._silence = False, 0.0
        return self._audio.pcm
