"""The four places as loops without a seam, made of nothing but noise, tones and a seed: the same each time."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["LOOP_SECONDS", "Loops", "loops_of"]

LOOP_SECONDS: Final = 20
_RATE: Final = 16_000
_FRAMES: Final = LOOP_SECONDS * _RATE
_LOUDNESS: Final = 1640.0
"""Root mean square at volume 1, on the int16 scale: 26 dB under full scale, a little under a voice on the phone."""

Sound = npt.NDArray[np.float64]
Loops = Mapping[int, npt.NDArray[np.int16]]
"""The loop of a place by sample rate, 8000 and 16000 hertz."""


@cache
def loops_of(clip: str) -> Loops:
    """The loops of a place. Takes some tenths of a second the first time: not on the event loop."""
    made = _PLACES[clip](np.random.default_rng(sorted(_PLACES).index(clip)))
    made = np.tanh(made / np.sqrt(np.mean(made**2)) / 4) * 4  # single events stay below what startles
    wide = made * (_LOUDNESS / np.sqrt(np.mean(made**2)))
    # cutting a loop's spectrum in half leaves it a loop
    narrow = np.fft.irfft(np.fft.rfft(wide)[: _FRAMES // 4 + 1], _FRAMES // 2) / 2
    return {_RATE: np.rint(wide).astype(np.int16), _RATE // 2: np.rint(narrow).astype(np.int16)}


def _office(rng: np.random.Generator) -> Sound:
    """Ventilation, somebody typing, a talk behind a wall."""
    sound = _noise(rng, 60, 900, slope=0.9) + 0.12 * _tone(120)
    for start in rng.uniform(0, LOOP_SECONDS, 5):
        for stroke in start + np.cumsum(rng.uniform(0.09, 0.3, 18)):
            _add(sound, stroke, _click(rng, rng.uniform(0.5, 1.3)))
    return sound + 0.5 * _voice(rng, 110, 700)


def _city(rng: np.random.Generator) -> Sound:
    """A street some way off, cars that pass, a horn."""
    sound = _noise(rng, 30, 400, slope=1.0)
    for start in rng.uniform(0, LOOP_SECONDS, 6):
        seconds = rng.uniform(2.5, 5.0)
        passing = _noise(rng, 90, rng.uniform(900, 2200), slope=0.6)[: int(seconds * _RATE)]
        _add(sound, start, rng.uniform(0.6, 1.6) * passing * np.hanning(passing.size) ** 2)
    for start in rng.uniform(0, LOOP_SECONDS, 2):
        horn = (_tone(415) + _tone(522))[: int(0.35 * _RATE)]
        _add(sound, start, 0.35 * horn * np.hanning(horn.size) ** 0.25)
    return sound


def _forest(rng: np.random.Generator) -> Sound:
    """Wind in the leaves, birds."""
    gusts = 0.7 + 0.3 * _slow(rng, 0.4)
    sound = gusts * (_noise(rng, 150, 1200, slope=0.8) + 0.25 * _noise(rng, 1800, 6000, slope=0.3))
    for start in rng.uniform(0, LOOP_SECONDS, 9):
        pitch, loudness = rng.uniform(2300, 3300), rng.uniform(0.5, 1.4)
        for note in start + np.cumsum(rng.uniform(0.11, 0.2, rng.integers(2, 6))):
            _add(sound, note, loudness * _chirp(pitch, pitch * rng.uniform(0.8, 1.25), rng.uniform(0.05, 0.1)))
    return sound


def _crowded_room(rng: np.random.Generator) -> Sound:
    """Many voices of which none can be understood, in a room that hums."""
    pitches = (98, 112, 126, 165, 188, 214, 230)
    voices = sum((rng.uniform(0.6, 1.2) * _voice(rng, pitch, 3200) for pitch in pitches), np.zeros(_FRAMES))
    return voices + 0.9 * _noise(rng, 100, 1500, slope=0.7)


_PLACES: Final[Mapping[str, Callable[[np.random.Generator], Sound]]] = {
    "office": _office,
    "city": _city,
    "forest": _forest,
    "crowded_room": _crowded_room,
}


def _noise(rng: np.random.Generator, low: float, high: float, *, slope: float) -> Sound:
    """Noise between two frequencies that falls with `slope`, of loudness 1: made as a spectrum, so it is a loop."""
    frequencies = np.fft.rfftfreq(_FRAMES, 1 / _RATE)
    edges = 1 / (1 + (low / np.maximum(frequencies, 1)) ** 4) / (1 + (frequencies / high) ** 4)
    spectrum = edges / np.maximum(frequencies, 20) ** slope * np.exp(2j * np.pi * rng.random(frequencies.size))
    made = np.fft.irfft(spectrum, _FRAMES)
    return np.asarray(made / np.sqrt(np.mean(made**2)))


def _slow(rng: np.random.Generator, rate: float) -> Sound:
    """A movement between about -1 and 1 that changes some `rate` times a second."""
    turns = np.arange(1, max(2, int(2 * rate * LOOP_SECONDS)))
    weights = rng.normal(size=turns.size) / np.sqrt(turns.size)
    spectrum = np.zeros(_FRAMES // 2 + 1, np.complex128)
    spectrum[turns] = weights * np.exp(2j * np.pi * rng.random(turns.size)) * _FRAMES / 2
    return np.tanh(1.2 * np.fft.irfft(spectrum, _FRAMES))


def _voice(rng: np.random.Generator, pitch: float, highest: float) -> Sound:
    """Murmur: harmonics of a wandering pitch, louder and softer as syllables are. Made at half the rate, for it has
    nothing above 2600 Hz, and with formants that move once in ten milliseconds: a fifth of the work."""
    frames, step = _FRAMES // 2, _RATE // 2 // 100
    wander = 0.12 * _slow(rng, 0.8)[::2]
    # whole turns a loop, so that the end meets the beginning
    turns = round(pitch * LOOP_SECONDS) / LOOP_SECONDS
    phase = 2 * np.pi * turns * (np.arange(frames) + np.cumsum(wander - wander.mean())) / (_RATE / 2)
    first, second = 500 + 180 * _slow(rng, 2.0)[:: 2 * step], 1500 + 500 * _slow(rng, 2.0)[:: 2 * step]
    moments, loop = np.arange(frames), np.arange(0, frames, step)
    sound = np.zeros(frames)
    for harmonic in range(1, int(min(highest, 2600) / pitch) + 1):
        at = harmonic * pitch
        loudness = np.exp(-(((at - first) / 220) ** 2)) + 0.4 * np.exp(-(((at - second) / 320) ** 2))
        sound += np.sin(harmonic * phase) * np.interp(moments, loop, loudness, period=frames)
    spoken = np.clip(_slow(rng, 4.0) + 0.3 * _slow(rng, 0.3), 0, 1)
    return np.asarray(2 * np.fft.irfft(np.fft.rfft(sound), _FRAMES) * spoken)


def _tone(frequency: float) -> Sound:
    """A sine of whole turns a loop."""
    turns = round(frequency * LOOP_SECONDS) / LOOP_SECONDS
    return np.sin(2 * np.pi * turns * np.arange(_FRAMES) / _RATE)


def _click(rng: np.random.Generator, loudness: float) -> Sound:
    """A key that is pressed: twelve milliseconds of high noise that dies away."""
    noise = np.diff(rng.normal(size=_RATE * 12 // 1000 + 1))
    return np.asarray(loudness * noise * np.exp(-np.arange(noise.size) / (_RATE * 0.0025)))


def _chirp(low: float, high: float, seconds: float) -> Sound:
    """A note that slides from one pitch to another."""
    pitch = np.linspace(low, high, int(seconds * _RATE))
    return np.sin(2 * np.pi * np.cumsum(pitch) / _RATE) * np.hanning(pitch.size)


def _add(sound: Sound, seconds: float, event: Sound) -> None:
    """Mix an event in; past the end it goes on at the beginning."""
    places = (int(seconds * _RATE) + np.arange(event.size)) % _FRAMES
    sound[places] += event
