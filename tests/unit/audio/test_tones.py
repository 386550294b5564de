"""Beeps and keys in telephone audio: found when they are there, never in speech."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from media.audio.beep import BeepDetector
from media.audio.key_tones import KeyToneDecoder

Samples = npt.NDArray[np.float64]
CALLERS = sorted((Path(__file__).parents[2] / "samples" / "caller").glob("*.wav"))
ROWS, COLUMNS, KEYS = (697, 770, 852, 941), (1209, 1336, 1477, 1633), "123A456B789C*0#D"


def tone(hertz: float, seconds: float, level: float, rate: int = 8000) -> Samples:
    moments: Samples = np.arange(int(seconds * rate)) / rate
    return level * np.sin(2 * np.pi * hertz * moments)


def key_tone(key: str, seconds: float, rate: int = 8000) -> Samples:
    row, column = divmod(KEYS.index(key), 4)
    return tone(ROWS[row], seconds, 3000, rate) + tone(COLUMNS[column], seconds, 4000, rate)


def silence(seconds: float, rate: int = 8000) -> Samples:
    return np.zeros(int(seconds * rate))


def over_the_phone(*parts: Samples) -> bytes:
    """With line noise, through a mu-law round trip."""
    samples = np.concatenate(parts)
    samples = samples + np.random.default_rng(7).normal(0, 25, samples.size)
    squeezed = np.sign(samples) * np.log1p(255 * np.abs(samples) / 32768) / np.log1p(255)
    squeezed = np.round(squeezed * 127) / 127
    return bytes((np.sign(squeezed) * (256 ** np.abs(squeezed) - 1) / 255 * 32767).astype("<i2").tobytes())


def packets(pcm: bytes, rate: int) -> list[bytes]:
    size = rate // 50 * 2
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


def beeps(pcm: bytes, rate: int = 8000) -> list[tuple[float, float]]:
    """When each beep was known and when it was over, in seconds."""
    detector, found, known = BeepDetector(rate), [], None
    for place, packet in enumerate(packets(pcm, rate), 1):
        detector.push(packet)
        if detector.beeping is not None and known is None:
            known = place * 0.02
        elif detector.beeping is None and known is not None:
            found.append((known, place * 0.02))
            known = None
    return found


def keys(pcm: bytes, rate: int = 8000) -> str:
    decoder = KeyToneDecoder(rate)
    return "".join(decoder.push(packet) for packet in packets(pcm, rate))


def recorded(path: Path) -> bytes:
    with wave.open(str(path)) as recording:
        return recording.readframes(recording.getnframes())


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("level", [800, 6000, 15000])
@pytest.mark.parametrize("hertz", [440, 620, 800, 1000, 1400, 2000])
def test_a_beep_is_found_while_it_lasts(hertz: float, level: float, rate: int) -> None:
    ((known, over),) = beeps(
        over_the_phone(silence(0.5, rate), tone(hertz, 0.4, level, rate), silence(0.5, rate)), rate
    )
    assert known == pytest.approx(0.5 + 0.18, abs=0.06)
    assert over == pytest.approx(0.9, abs=0.06)


def test_a_click_is_no_beep() -> None:
    assert beeps(over_the_phone(silence(0.3), tone(1000, 0.1, 8000), silence(0.3))) == []


def test_a_line_tone_is_no_beep_for_ever() -> None:
    ((_, over),) = beeps(over_the_phone(tone(1000, 8.0, 8000), silence(0.2)))
    assert over < 5.3


@pytest.mark.parametrize("key", list(KEYS))
def test_a_key_is_no_beep(key: str) -> None:
    assert beeps(over_the_phone(key_tone(key, 0.5), silence(0.2))) == []


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("seconds", [0.065, 0.08, 0.1, 0.5])
def test_keys_are_found_once_a_press(seconds: float, rate: int) -> None:
    pressed = "1123A456B7899C*0#D"
    parts = [part for key in pressed for part in (key_tone(key, seconds, rate), silence(0.07, rate))]
    assert keys(over_the_phone(silence(0.3, rate), *parts, silence(0.2, rate)), rate) == pressed


def test_a_single_tone_is_no_key() -> None:
    for hertz in (*ROWS, *COLUMNS):
        assert keys(over_the_phone(tone(hertz, 0.5, 5000), silence(0.2))) == ""


def test_a_very_short_burst_is_no_key() -> None:
    assert keys(over_the_phone(silence(0.2), key_tone("5", 0.03), silence(0.3))) == ""


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.stem)
def test_speech_holds_neither(path: Path) -> None:
    assert beeps(recorded(path)) == []
    assert keys(recorded(path)) == ""


def test_there_are_recordings_to_listen_to() -> None:
    assert len(CALLERS) >= 16


def test_noise_holds_neither() -> None:
    noise = np.random.default_rng(3).normal(0, 4000, 8000 * 30)
    assert beeps(over_the_phone(noise)) == []
    assert keys(over_the_phone(noise)) == ""
