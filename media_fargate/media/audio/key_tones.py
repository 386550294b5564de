"""Telephone keys in the audio itself (DTMF, ITU-T Q.23), for callers whose line sends no telephone-events."""

import numpy as np
import numpy.typing as npt

from media.audio.levels import BYTES_PER_SAMPLE, size

_ROWS = (697.0, 770.0, 852.0, 941.0)
_COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = ("123A", "456B", "789C", "*0#D")
"""Of a telephone, row by row: each is one low and one high tone."""
_WINDOW_SECONDS = 0.0256
"""Tells neighbouring tones (73 Hz apart) from each other; windows overlap by half."""
_BATCH_SECONDS = 0.1
"""Judged at a time: ten calls into the number library a second instead of fifty."""
_WINDOWS = 3
"""In a row that must agree: 51 ms, less than the 65 ms of the shortest keys that lines are asked to send."""
_PURE = 0.85
"""Share of the energy in the two tones: a voice has more of it elsewhere."""
_LOUDER_ROW, _LOUDER_COLUMN = 6.3, 4.0
"""Largest ratio of the two tones' power (8 dB and 6 dB)."""
_QUIETEST = 150.0
"""Root mean square of 16-bit samples."""


class KeyToneDecoder:
    """Push 16-bit mono PCM, get the keys whose press has become certain, each once a press."""

    def __init__(self, sample_rate: int) -> None:
        self._step = int(_WINDOW_SECONDS * sample_rate) // 2
        window = 2 * self._step
        phases = 2 * np.pi * np.outer(np.arange(window) / sample_rate, (*_ROWS, *_COLUMNS))
        tones = (np.hstack([np.cos(phases), np.sin(phases)]) * np.sqrt(2 / window)).astype(np.float32)
        self._first_half, self._second_half = tones[: self._step], tones[self._step :]
        self._quietest = _QUIETEST**2 * window
        self._batch = size(_BATCH_SECONDS, sample_rate)
        self._waiting = bytearray()
        self._key: str | None = None
        self._agreed = 0

    def push(self, pcm: bytes) -> str:
        """Take the audio that follows; the keys found in it, in order, at most a tenth of a second late."""
        self._waiting += pcm
        if len(self._waiting) < self._batch:
            return ""
        count = len(self._waiting) // (self._step * BYTES_PER_SAMPLE)
        halves = np.frombuffer(self._waiting, np.int16, count * self._step).astype(np.float32).reshape(count, -1)
        del self._waiting[: (count - 1) * self._step * BYTES_PER_SAMPLE]
        keys = self._keys_in(halves)
        if keys is None:
            self._key, self._agreed = None, 0
            return ""
        return "".join(map(self._next, keys))

    def _next(self, key: str | None) -> str:
        """Count a window's key; the key itself when it has just become certain."""
        self._agreed = self._agreed + 1 if key is not None and key == self._key else int(key is not None)
        self._key = key
        return key if key is not None and self._agreed == _WINDOWS else ""

    def _keys_in(self, halves: npt.NDArray[np.float32]) -> list[str | None] | None:
        """The key of each window, which is two halves in a row and half the one before; None: of no window at all."""
        half_energies = np.einsum("ij,ij->i", halves, halves)
        energies = half_energies[:-1] + half_energies[1:]
        heard = energies >= self._quietest
        if not heard.any():
            return None
        parts = halves[:-1] @ self._first_half + halves[1:] @ self._second_half
        parts *= parts
        power = parts[:, :8] + parts[:, 8:]
        rows, columns = power[:, :4], power[:, 4:]
        low, high = rows.max(axis=1), columns.max(axis=1)
        heard &= (low + high >= _PURE * energies) & (low <= _LOUDER_ROW * high) & (high <= _LOUDER_COLUMN * low)
        if not heard.any():
            return None
        found = zip(heard, rows.argmax(axis=1), columns.argmax(axis=1), strict=True)
        return [KEYS[row][column] if is_key else None for is_key, row, column in found]
