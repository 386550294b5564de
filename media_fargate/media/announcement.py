"""A sentence spoken to a caller who is not connected to a conversation."""

import asyncio
from collections.abc import Awaitable, Callable

from aws_lambda_powertools import Logger

from media.audio.resample import StreamResampler
from media.speech.interfaces import ProviderError, Synthesiser
from media.telephony.leg import CallLeg

__all__ = ["LIMIT_SECONDS", "speak"]

LIMIT_SECONDS = 10.0
"""An announcement takes no longer, whatever the synthesiser does."""
_POLL_SECONDS = 0.05
_SETTLE_SECONDS = 0.2
"""What has left the buffer still needs to be heard before the BYE."""

logger = Logger(child=True)


async def speak(leg: CallLeg, text: str, open_voice: Callable[[], Awaitable[Synthesiser]]) -> None:
    """Speak `text` and return when it was played, at most after ten seconds. A voice that fails says nothing."""
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            voice = await open_voice()
            try:
                await _play(leg, text, voice)
            finally:
                await voice.close()
    except TimeoutError:
        logger.info("announcement_cut_short")
    except ProviderError as failed:
        logger.warning("announcement_not_spoken", provider=failed.provider)


async def _play(leg: CallLeg, text: str, voice: Synthesiser) -> None:
    resampler = StreamResampler(voice.sample_rate, leg.sample_rate)
    async for pcm in voice.stream(text):
        await _write(leg, resampler.push(pcm))
    await _write(leg, resampler.flush())
    while leg.queued_bytes:  # noqa: ASYNC110 - the SIP stack's buffer tells nobody when it is empty
        await asyncio.sleep(_POLL_SECONDS)
    await asyncio.sleep(_SETTLE_SECONDS)


async def _write(leg: CallLeg, pcm: bytes) -> None:
    while pcm := pcm[leg.write(pcm) :]:  # noqa: ASYNC110 - nor when it has room
        await asyncio.sleep(_POLL_SECONDS)
