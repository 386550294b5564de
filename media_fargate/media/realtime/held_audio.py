"""What the caller says while the model may not hear it yet."""

from media.audio.levels import size

_BEFORE_SPEECH_SECONDS = 0.5
"""Of the sound before somebody was known to speak: the beginning of the first word."""
_LONGEST_SECONDS = 30.0


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
