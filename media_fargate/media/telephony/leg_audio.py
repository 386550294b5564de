"""A leg's PCM at one fixed rate over the SIP stack's buffers, whose rate a re-INVITE can change in mid-call."""

from typing import Protocol

from baresip.errors import AudioNotActive, AudioRestarted

from media.audio.resample import StreamResampler

__all__ = ["CallAudioPort", "LegAudio"]

DEFAULT_RATE = 8000
LEG_RATES = (8000, 16000)
_READ_BYTES = 32_768
"""Size of the stack's receive buffer: one read empties it."""
_ATTEMPTS = 2
"""Streams replaced by a renegotiation fail once and then serve the new ones."""


class AudioInfo(Protocol):
    """The figures of baresip's `AudioInfo` used here; rates in hertz, sizes in bytes."""

    tx_sample_rate: int
    rx_sample_rate: int
    tx_buffered: int
    tx_capacity: int


class CallAudioPort(Protocol):
    """What is used of baresip's `CallAudio`; every method raises AudioNotActive, all but `info` AudioRestarted."""

    def info(self) -> AudioInfo:
        """The streams' rates and fill."""

    def read(self, max_bytes: int) -> bytes:
        """Take received PCM."""

    def write(self, pcm: bytes) -> int:
        """Queue PCM; returns the bytes taken."""

    def flush_tx(self) -> None:
        """Drop queued PCM."""


class LegAudio:
    """Reads and writes PCM at `sample_rate`, which is settled by `open` and never changes afterwards."""

    def __init__(self, port: CallAudioPort) -> None:
        self._port = port
        self.sample_rate = DEFAULT_RATE
        self._receive_rate = self._send_rate = DEFAULT_RATE
        self._receiving: StreamResampler | None = None
        self._sending: StreamResampler | None = None

    def open(self) -> bool:
        """Settle the leg's rate by what was negotiated; False while the media is not up yet."""
        try:
            rate = self._port.info().rx_sample_rate
        except AudioNotActive:
            return False
        if rate == 0:
            return False
        self.sample_rate = rate if rate in LEG_RATES else max(LEG_RATES)
        self._receive_rate = self._send_rate = self.sample_rate
        self._probe()
        return True

    def read(self) -> bytes:
        """All PCM received since the last read, at the leg's rate; empty when there is none."""
        received = b""
        for _ in range(_ATTEMPTS):
            try:
                received = self._port.read(_READ_BYTES)
                break
            except AudioRestarted:
                self._probe()
            except AudioNotActive:
                break
        return self._receiving.push(received) if self._receiving and received else received

    def write(self, pcm: bytes) -> int:
        """Queue PCM of the leg's rate; returns how many of its bytes were taken."""
        for _ in range(_ATTEMPTS):
            try:
                return self._write(pcm[: len(pcm) & ~1])
            except AudioRestarted:
                self._probe()
            except AudioNotActive:
                break
        return 0

    def _write(self, pcm: bytes) -> int:
        if self._sending is None:
            return self._port.write(pcm)
        info = self._probe()
        if info is None or self._sending is None:
            return self._port.write(pcm)
        room = (info.tx_capacity - info.tx_buffered) * self.sample_rate // self._send_rate
        # the converter holds a little back and gives it out later: leave it four milliseconds of room
        taken = pcm[: max(0, room - self.sample_rate // 125) & ~1]
        self._port.write(self._sending.push(taken))
        return len(taken)

    def flush(self) -> int:
        """Drop what is queued; returns how many bytes of the leg's rate that was."""
        queued = self.queued_bytes
        for _ in range(_ATTEMPTS):
            try:
                self._port.flush_tx()
                break
            except AudioRestarted:
                self._probe()
                queued = 0  # the stack dropped it with the old streams
            except AudioNotActive:
                break
        if self._sending:
            self._sending.flush()
        return queued

    @property
    def queued_bytes(self) -> int:
        """Bytes of the leg's rate written and not yet played."""
        info = self._probe()
        return info.tx_buffered * self.sample_rate // self._send_rate & ~1 if info else 0

    def _probe(self) -> AudioInfo | None:
        """The figures of the streams as they are now, converting from and to their rates; None without media.

        A probe binds to new streams silently, so each one must look whether the rates have changed.
        """
        try:
            info = self._port.info()
        except AudioNotActive:
            return None
        if info.rx_sample_rate and info.rx_sample_rate != self._receive_rate:
            self._receive_rate = info.rx_sample_rate
            self._receiving = self._converter(self._receive_rate, self.sample_rate)
        if info.tx_sample_rate and info.tx_sample_rate != self._send_rate:
            self._send_rate = info.tx_sample_rate
            self._sending = self._converter(self.sample_rate, self._send_rate)
        return info

    @staticmethod
    def _converter(from_rate: int, to_rate: int) -> StreamResampler | None:
        return None if from_rate == to_rate else StreamResampler(from_rate, to_rate)
