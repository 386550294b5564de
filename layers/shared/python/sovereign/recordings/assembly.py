"""From the segments of a call to the parts of one WAV file. Pure: it reads nothing."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from sovereign.recordings.layout import BYTES_PER_FRAME, SegmentName, wav_header

__all__ = ["Assembly", "Stored"]

PART_BYTES: Final = 8 * 1024 * 1024
"""S3 takes parts of 5 MiB and more, up to 10,000 of them: 80 GB, where four hours at 16 kHz are under 1 GB."""
_SILENCE_BYTES: Final = 1024 * 1024


class Stored(NamedTuple):
    """An object of a call in the bucket; `size` in bytes."""

    key: str
    size: int

    @property
    def segment(self) -> SegmentName | None:
        """The segment it is, None when it is something else."""
        return SegmentName.from_key(self.key)


class Assembly:
    """The order of the pieces: a header that knows the length, the segments, silence for what is missing between."""

    def __init__(self, segments: Sequence[Stored]) -> None:
        named = [(stored.segment, stored) for stored in segments]
        self._segments = sorted((name, stored) for name, stored in named if name is not None)

    @cached_property
    def data_bytes(self) -> int:
        """Bytes of audio, silence included."""
        return sum(len(piece) if isinstance(piece, bytes) else size for piece, size in self._pieces())

    @property
    def is_one_part(self) -> bool:
        """Whether it fits into one part."""
        return self.data_bytes < PART_BYTES

    def parts(self) -> Iterator[list[str | bytes]]:
        """The pieces of each part: bytes as they are, or the key of the object that holds them."""
        sample_rate = self._segments[0][0].sample_rate
        part: list[str | bytes] = [wav_header(sample_rate, self.data_bytes)]
        size = 0
        for piece, piece_size in self._pieces():
            part.append(piece)
            size += piece_size
            if size >= PART_BYTES and not self.is_one_part:
                yield part
                part, size = [], 0
        if part:
            yield part

    def _pieces(self) -> Iterator[tuple[str | bytes, int]]:
        at = 0
        for name, stored in self._segments:
            missing = (name.first_frame - at) * BYTES_PER_FRAME
            while missing > 0:
                silence = bytes(min(missing, _SILENCE_BYTES))
                yield silence, len(silence)
                missing -= len(silence)
            yield stored.key, stored.size
            at = name.first_frame + stored.size // BYTES_PER_FRAME
