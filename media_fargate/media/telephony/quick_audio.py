"""The library's audio port of a call, looked at a hundred times a second without making anything anew for each look.

Leans on the library's own functions and their structure; its version is pinned by hash (decision 001).
"""

from typing import NamedTuple

from baresip._native import ffi, lib
from baresip.audio import CallAudio
from baresip.errors import AudioNotActive

__all__ = ["QuickAudio", "StreamFigures"]

_BUFFER_BYTES = 32_768
"""Size of the library's receive buffer."""


class StreamFigures(NamedTuple):
    """The figures of `leg_audio.AudioInfo`; rates in hertz, sizes in bytes."""

    tx_sample_rate: int
    rx_sample_rate: int
    tx_buffered: int
    tx_capacity: int


class QuickAudio(CallAudio):  # type: ignore[misc]  # the library is not typed
    """The library's own makes 32 KB of zeroes for each read and a record of eleven members for each look. For one
    thread only."""

    def __init__(self, audio: CallAudio) -> None:
        super().__init__(audio._handle)
        self._figures = ffi.new("struct bp_audio_info *")
        self._received = ffi.new("uint8_t[]", _BUFFER_BYTES)
        self._received_bytes = ffi.buffer(self._received)

    def info(self) -> StreamFigures:
        """The streams' rates and fill. Raises AudioNotActive."""
        figures = self._figures
        if lib.bp_audio_probe(self._handle, figures) != 0:
            self._bound_epoch = None
            raise AudioNotActive("no audio is active on this call")
        self._bound_epoch = figures.epoch
        return StreamFigures(figures.tx_srate, figures.rx_srate, figures.tx_fill, figures.tx_capacity)

    def read(self, max_bytes: int) -> bytes:
        """Take received PCM. Raises AudioNotActive, AudioRestarted."""
        most = min(max_bytes, _BUFFER_BYTES)
        count = self._checked(lib.bp_audio_read(self._handle, self._ensure_bound(), self._received, most))
        received: bytes = self._received_bytes[:count]
        return received
