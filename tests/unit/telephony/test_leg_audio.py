"""One fixed rate over streams whose rate changes in mid-call."""

from dataclasses import dataclass, field

from baresip.errors import AudioNotActive, AudioRestarted

from media.telephony.leg_audio import LegAudio


@dataclass
class Info:
    tx_sample_rate: int = 8000
    rx_sample_rate: int = 8000
    tx_buffered: int = 0
    tx_capacity: int = 32768


@dataclass
class Port:
    """A stack's buffers: `renegotiate` replaces the streams, as a re-INVITE does."""

    active: bool = True
    figures: Info = field(default_factory=Info)
    arrived: bytes = b""
    written: bytearray = field(default_factory=bytearray)
    restarted: bool = False

    def renegotiate(self, rate: int) -> None:
        self.figures = Info(rate, rate)
        self.restarted = True
        self.written.clear()

    def info(self) -> Info:
        if not self.active:
            raise AudioNotActive("none")
        self.restarted = False  # a probe binds to the new streams, as the real one does
        self.figures.tx_buffered = len(self.written)
        return self.figures

    def _check(self) -> None:
        if not self.active:
            raise AudioNotActive("none")
        if self.restarted:
            self.restarted = False
            raise AudioRestarted("replaced")

    def read(self, max_bytes: int) -> bytes:
        self._check()
        taken, self.arrived = self.arrived[:max_bytes], self.arrived[max_bytes:]
        return taken

    def write(self, pcm: bytes) -> int:
        self._check()
        taken = pcm[: self.figures.tx_capacity - len(self.written)]
        self.written += taken
        return len(taken)

    def flush_tx(self) -> None:
        self._check()
        self.written.clear()


def opened(port: Port) -> LegAudio:
    audio = LegAudio(port)
    assert audio.open()
    return audio


def test_open_waits_for_media() -> None:
    port = Port(active=False)
    audio = LegAudio(port)
    assert not audio.open()
    port.active, port.figures.rx_sample_rate = True, 16000
    assert audio.open()
    assert audio.sample_rate == 16000


def test_nothing_is_read_or_taken_without_media() -> None:
    audio = LegAudio(Port(active=False))
    assert audio.read() == b""
    assert audio.write(b"\1\0") == 0
    assert audio.flush() == 0
    assert audio.queued_bytes == 0


def test_rate_change_is_resampled_to_the_legs_rate_both_ways() -> None:
    port = Port()
    audio = opened(port)
    port.renegotiate(16000)
    port.arrived = bytes(2 * 16000)
    assert audio.sample_rate == 8000
    assert abs(len(audio.read()) - 2 * 8000) < 64
    assert audio.write(bytes(1600)) == 1600
    assert abs(len(port.written) - 3200) < 128
    assert abs(audio.queued_bytes - 1600) < 64


def test_rate_change_seen_first_by_a_probe_is_followed_too() -> None:
    port = Port()
    audio = opened(port)
    port.renegotiate(16000)
    assert audio.queued_bytes == 0  # this probe binds to the new streams: no error will tell of them
    assert audio.write(bytes(1600)) == 1600
    assert abs(len(port.written) - 3200) < 128


def test_rate_change_back_ends_the_conversion() -> None:
    port = Port()
    audio = opened(port)
    port.renegotiate(16000)
    audio.read()
    port.renegotiate(8000)
    port.arrived = b"\5\0" * 100
    assert audio.read() == b"\5\0" * 100


def test_write_takes_what_fits_and_whole_samples_only() -> None:
    port = Port()
    audio = opened(port)
    assert audio.write(bytes(40001)) == 32768
    assert audio.write(bytes(10)) == 0
    assert audio.flush() == 32768
    assert audio.write(bytes(3)) == 2


def test_write_while_resampling_never_overfills_the_buffer() -> None:
    port = Port()
    audio = opened(port)
    port.renegotiate(16000)
    audio.read()
    total = sum(audio.write(bytes(4000)) for _ in range(20))
    assert total <= 16384
    assert len(port.written) <= 32768
    assert len(port.written) > 30000
