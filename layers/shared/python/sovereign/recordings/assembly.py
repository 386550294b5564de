"""From the segments of a call to the parts of one WAV file. Pure: it reads nothing."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from sovereign.recordings.layout import BYTES_PER_FRAME, WAV_HEADER_BYTES, SegmentName, wav_header

__all__ = ["Assembly", "Slice", "Stored"]

PART_BYTES: Final = 8 * 1024 * 1024
"""S3 takes parts of 5 MiB and more, up to 10,000 of them: 80 GB, where four hours at 16 kHz are under 1 GB."""
_GAP_FRAMES: Final = 1024 * 1024 // BYTES_PER_FRAME
"""What lies between segments is taken up in pieces of 1 MiB."""


class Stored(NamedTuple):
    """An object of a call in the bucket; `size` in bytes."""

    key: str
    size: int

    @property
    def segment(self) -> SegmentName | None:
        """The segment it is, None when it is something else."""
        return SegmentName.from_key(self.key)


class Slice(NamedTuple):
    """So many bytes of an object, from `start` on."""

    key: str
    start: int
    size: int


class Assembly:
    """The order of the pieces: a header that knows the length, the segments, and for what is missing between them what
    the file has there that was made of earlier ones, else silence."""

    def __init__(self, segments: Sequence[Stored], made: Stored | None = None) -> None:
        named = [(stored.segment, stored) for stored in segments]
        self._segments = sorted((name, stored) for name, stored in named if name is not None)
        self._made = made
        self._made_frames = (made.size - WAV_HEADER_BYTES) // BYTES_PER_FRAME if made else 0

    @cached_property
    def data_bytes(self) -> int:
        """Bytes of audio, silence included."""
        return sum(map(_size, self._pieces()))

    @property
    def is_one_part(self) -> bool:
        """Whether it fits into one part."""
        return self.data_bytes < PART_BYTES

    def parts(self) -> Iterator[list[Slice | bytes]]:
        """The pieces of each part: bytes as they are, or which bytes of which object."""
        sample_rate = self._segments[0][0].sample_rate
        part: list[Slice | bytes] = [wav_header(sample_rate, self.data_bytes)]
        size = 0
        for piece in self._pieces():
            part.append(piece)
            size += _size(piece)
            if size >= PART_BYTES and not self.is_one_part:
                yield part
                part, size = [], 0
        if part:
            yield part

    def _pieces(self) -> Iterator[Slice | bytes]:
        at = 0
        for name, stored in self._segments:
            yield from self._between(at, name.first_frame)
            yield Slice(stored.key, 0, stored.size)
            at = name.first_frame + stored.size // BYTES_PER_FRAME
        yield from self._between(at, self._made_frames)

    def _between(self, at: int, until: int) -> Iterator[Slice | bytes]:
        while at < until:
            end = min(until, at + _GAP_FRAMES)
            if self._made is not None and at < self._made_frames:
                end = min(end, self._made_frames)
                start = WAV_HEADER_BYTES + at * BYTES_PER_FRAME
                yield Slice(self._made.key, start, (end - at) * BYTES_PER_FRAME)
            else:
                yield bytes((end - at) * BYTES_PER_FRAME)
            at = end


def _size(piece: Slice | bytes) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.size
