"""Where a call's recording lies in the bucket, and the form it has there.

While the call runs: segments of raw PCM, each named after the frame it begins with. Afterwards: one WAV file.
"""

import re
import struct
from typing import Final, NamedTuple

__all__ = [
    "BYTES_PER_FRAME",
    "CHANNELS",
    "WAV_HEADER_BYTES",
    "SegmentName",
    "prefix_of",
    "recording_key",
    "wav_header",
]

CHANNELS: Final = 2
"""The caller is left, the agent right."""
BYTES_PER_FRAME: Final = 2 * CHANNELS
WAV_HEADER_BYTES: Final = 44

_SEGMENT: Final = re.compile(r"segments/(\d{12})-(\d{4,6})\.pcm")


class SegmentName(NamedTuple):
    """A segment of 16-bit little-endian stereo: its first frame, counted from the recording's beginning, and its rate
    in hertz."""

    first_frame: int
    sample_rate: int

    def key(self, org_id: str, call_id: str) -> str:
        """Its key in the bucket; keys sort in time order."""
        return f"{prefix_of(org_id, call_id)}segments/{self.first_frame:012d}-{self.sample_rate}.pcm"

    @classmethod
    def from_key(cls, key: str) -> "SegmentName | None":
        """The segment a key names; None when it names something else."""
        found = _SEGMENT.search(key)
        return cls(int(found[1]), int(found[2])) if found else None


def prefix_of(org_id: str, call_id: str) -> str:
    """What the keys of all objects of a call begin with."""
    return f"{org_id}/{call_id}/"


def recording_key(org_id: str, call_id: str) -> str:
    """The finished recording."""
    return f"{prefix_of(org_id, call_id)}recording.wav"


def wav_header(sample_rate: int, data_bytes: int) -> bytes:
    """The 44 bytes before `data_bytes` of 16-bit stereo PCM."""
    form = struct.pack("<IHHIIHH", 16, 1, CHANNELS, sample_rate, sample_rate * BYTES_PER_FRAME, BYTES_PER_FRAME, 16)
    size = struct.pack("<I", WAV_HEADER_BYTES - 8 + data_bytes)
    return b"RIFF" + size + b"WAVEfmt " + form + b"data" + struct.pack("<I", data_bytes)
