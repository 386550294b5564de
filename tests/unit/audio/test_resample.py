"""Streaming conversion keeps the signal, its length and its timing, however it is cut."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.audio.resample import StreamResampler


def tone(rate: int, seconds: float, hertz: float = 440.0) -> npt.NDArray[np.int16]:
    return (np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * 10000).astype("<i2")


def convert(signal: npt.NDArray[np.int16], from_rate: int, to_rate: int, chunk: int = 10**9) -> npt.NDArray[np.int16]:
    resampler = StreamResampler(from_rate, to_rate)
    raw = signal.tobytes()
    out = b"".join(resampler.push(raw[at : at + chunk]) for at in range(0, len(raw), chunk))
    return np.frombuffer(out + resampler.flush(), "<i2")


@pytest.mark.parametrize(
    ("from_rate", "to_rate"),
    [(8000, 16000), (16000, 8000), (24000, 8000), (24000, 16000), (48000, 8000), (8000, 48000), (22050, 8000)],
)
def test_a_tone_keeps_its_phase_and_level(from_rate: int, to_rate: int) -> None:
    converted = convert(tone(from_rate, 0.5), from_rate, to_rate).astype(float)
    expected = tone(to_rate, 0.5).astype(float)[: converted.size]
    middle = slice(converted.size // 10, -converted.size // 10)
    error = np.sqrt(np.mean((converted[middle] - expected[middle]) ** 2))
    assert error < 10000 * 0.01


@pytest.mark.parametrize("hertz", [5000, 7000, 11000])
def test_what_the_slower_rate_cannot_carry_is_removed(hertz: float) -> None:
    converted = convert(tone(24000, 0.5, hertz), 24000, 8000).astype(float)
    assert np.sqrt(np.mean(converted[200:-200] ** 2)) < 10000 * 0.002


@settings(max_examples=40, deadline=None)
@given(
    chunk=st.integers(1, 700),
    count=st.integers(0, 900),
    rates=st.sampled_from([(24000, 8000), (8000, 16000), (22050, 8000), (16000, 24000)]),
)
def test_chunk_borders_do_not_change_a_single_sample(chunk: int, count: int, rates: tuple[int, int]) -> None:
    signal = np.random.default_rng(count).integers(-9000, 9000, count).astype("<i2")
    whole = convert(signal, *rates)
    assert whole.size == -(-count * rates[1] // rates[0])
    np.testing.assert_allclose(convert(signal, *rates, chunk=chunk), whole, atol=1)


def test_equal_rates_pass_through_untouched() -> None:
    assert StreamResampler(8000, 8000).push(b"\x01\x02\x03\x04") == b"\x01\x02\x03\x04"


@pytest.mark.parametrize("to_rate", [8000, 16000])
def test_samples_cut_in_half_are_put_together(to_rate: int) -> None:
    raw, resampler = tone(8000, 0.1).tobytes(), StreamResampler(8000, to_rate)
    pushed = [resampler.push(piece) for piece in (raw[:101], raw[101:-1])]
    assert all(len(piece) % 2 == 0 for piece in pushed)
    whole = b"".join(pushed) + resampler.flush()
    assert whole == convert(tone(8000, 0.1)[:-1], 8000, to_rate).tobytes()


def test_a_flushed_resampler_starts_afresh() -> None:
    resampler = StreamResampler(16000, 8000)
    raw = tone(16000, 0.1).tobytes()
    first = resampler.push(raw) + resampler.flush()
    assert resampler.push(raw) + resampler.flush() == first


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        StreamResampler(0, 8000)
