"""Tones a caller knows from any telephone: ringing at the far end, and the beeps before a call runs out."""

import asyncio
from functools import cache

import numpy as np

from media.audio.levels import size, to_pcm
from media.conversation.playout import Playout
from media.telephony.leg import CallLeg

__all__ = ["beeps", "play_ringback"]

RING_HERTZ, RING_ON_SECONDS, RING_OFF_SECONDS = 425.0, 1.0, 4.0
"""The ringing tone of ITU-T E.180 as most of Europe uses it."""
_BEEP_HERTZ, _BEEP_SECONDS = 950.0, 0.2
_LEVEL = 4000
"""About 18 dB below full scale."""
_RAMP_SECONDS = 0.01
_AHEAD_SECONDS = 0.3
_REFILL_SECONDS = 0.1


async def play_ringback(leg: CallLeg, speaker: Playout) -> None:
    """Let the caller hear that it rings, until cancelled. What is said to them meanwhile goes before it."""
    tone = _ringing(leg.sample_rate)
    ahead, at = size(_AHEAD_SECONDS, leg.sample_rate), 0
    try:
        while True:
            if not speaker.speaking and (room := ahead - leg.queued_bytes) > 0:
                at = (at + leg.write((tone[at:] + tone)[: room & ~1])) % len(tone)
            await asyncio.sleep(_REFILL_SECONDS)
    finally:
        if not speaker.speaking:
            leg.flush()


@cache
def beeps(sample_rate: int) -> bytes:
    """Two short beeps."""
    beep, pause = _tone(_BEEP_HERTZ, _BEEP_SECONDS, sample_rate), bytes(size(_BEEP_SECONDS, sample_rate))
    return beep + pause + beep


@cache
def _ringing(sample_rate: int) -> bytes:
    return _tone(RING_HERTZ, RING_ON_SECONDS, sample_rate) + bytes(size(RING_OFF_SECONDS, sample_rate))


def _tone(hertz: float, seconds: float, sample_rate: int) -> bytes:
    moments = np.arange(int(seconds * sample_rate)) / sample_rate
    # without the ramps it would click
    ramp = np.minimum(1.0, np.minimum(moments, seconds - moments) / _RAMP_SECONDS)
    return to_pcm(_LEVEL * ramp * np.sin(2 * np.pi * hertz * moments))
