"""The audio port gives what the library's functions say, from structures that it uses again and again."""

import errno
from typing import Any

import pytest
from baresip._native import ffi
from baresip.audio import CallAudio
from baresip.errors import AudioNotActive, AudioRestarted

from media.telephony import quick_audio
from media.telephony.quick_audio import QuickAudio, StreamFigures

CALL = 7


class Library:
    """The library's functions for one call, whose streams a renegotiation replaces."""

    def __init__(self) -> None:
        self.epoch = 1
        self.active = True
        self.arrived = b""
        self.probes = 0

    def bp_audio_probe(self, handle: int, figures: Any) -> int:
        if not self.active or handle != CALL:
            return errno.ENOENT
        self.probes += 1
        figures.epoch, figures.tx_srate, figures.rx_srate = self.epoch, 16000, 8000
        figures.tx_fill, figures.tx_capacity, figures.rx_fill = 640, 32768, 320
        return 0

    def bp_audio_read(self, handle: int, epoch: int, buffer: Any, most: int) -> int:
        if not self.active or handle != CALL:
            return -errno.ENOENT
        if epoch != self.epoch:
            return -errno.ESTALE
        taken, self.arrived = self.arrived[:most], self.arrived[most:]
        ffi.memmove(buffer, taken, len(taken))
        return len(taken)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setattr(quick_audio, "lib", library)
    return library


@pytest.fixture
def audio(library: Library) -> QuickAudio:
    return QuickAudio(CallAudio(CALL))


def test_figures_are_those_of_the_directions_they_are_named_after(audio: QuickAudio) -> None:
    assert audio.info() == StreamFigures(tx_sample_rate=16000, rx_sample_rate=8000, tx_buffered=640, tx_capacity=32768)


def test_each_read_gives_only_what_came_since_the_last(audio: QuickAudio, library: Library) -> None:
    library.arrived = b"a long piece"
    first = audio.read(100)
    library.arrived = b"short"
    assert (first, audio.read(100), audio.read(100)) == (b"a long piece", b"short", b"")
    assert library.probes == 1


def test_no_more_is_asked_for_than_there_is_room_for(audio: QuickAudio, library: Library) -> None:
    library.arrived = bytes(40_000)
    assert len(audio.read(100_000)) == 32_768
    assert len(audio.read(7)) == 7


def test_replaced_streams_are_told_once_and_then_read(audio: QuickAudio, library: Library) -> None:
    audio.read(100)
    library.epoch, library.arrived = 2, b"new"
    with pytest.raises(AudioRestarted):
        audio.read(100)
    assert audio.read(100) == b"new"


def test_without_media_nothing_can_be_looked_at_or_read(audio: QuickAudio, library: Library) -> None:
    audio.info()
    library.active = False
    with pytest.raises(AudioNotActive):
        audio.info()
    with pytest.raises(AudioNotActive):
        audio.read(100)
