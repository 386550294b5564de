"""16-bit PCM as samples, and what its sizes mean in time."""

import numpy as np
import numpy.typing as npt

FULL_SCALE = 32768.0
BYTES_PER_SAMPLE = 2


def samples(pcm: bytes | bytearray | memoryview) -> npt.NDArray[np.int16]:
    """View 16-bit little-endian mono PCM as samples, without a copy; an odd last byte is left out."""
    return np.frombuffer(pcm, dtype="<i2", count=len(pcm) // BYTES_PER_SAMPLE)


def to_pcm(values: npt.NDArray[np.float32]) -> bytes:
    """Samples on the int16 scale (-32768..32767) as PCM; louder ones are clipped."""
    return np.clip(np.rint(values), -32768, 32767).astype("<i2").tobytes()


def duration(pcm_bytes: int, sample_rate: int) -> float:
    """Seconds that so many bytes of PCM last."""
    return pcm_bytes / (BYTES_PER_SAMPLE * sample_rate)


def size(seconds: float, sample_rate: int) -> int:
    """Bytes of PCM that last so many seconds, rounded down to whole samples."""
    return int(seconds * sample_rate) * BYTES_PER_SAMPLE
