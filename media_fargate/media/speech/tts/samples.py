"""PCM from the network: pieces that end in the middle of a sample put right."""

from collections.abc import AsyncIterator

_SAMPLE_BYTES = 2


async def whole_samples(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of whole 16-bit samples; half a sample at the end is dropped."""
    rest = b""
    async for piece in pieces:
        data = rest + piece
        whole = len(data) // _SAMPLE_BYTES * _SAMPLE_BYTES
        rest = data[whole:]
        if whole:
            yield data[:whole]


def without_wav_header(sound: bytes) -> bytes:
    """The samples of a piece that may be a WAV file of its own."""
    if not sound.startswith(b"RIFF"):
        return sound
    start = sound.find(b"data")
    return sound[start + 8 :] if start >= 0 else b""
