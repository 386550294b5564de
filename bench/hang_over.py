"""How long the voice detector itself goes on hearing speech after a recording's last sample of it."""

import asyncio

import numpy as np
import numpy.typing as npt

from infra.embedded.settings import embedded_settings
from media.audio.vad import SileroWorker, VoiceWindow
from media.conversation.turn_taking import SPEECH_GOES_ON_AT

RATE = 8000
_SILENCE = np.zeros(RATE, np.int16)


def hang_over_seconds(pcm: npt.NDArray[np.int16], last_speech_sample: int) -> float:
    """From the last sample of speech to the end of the last window judged as speech; offline, without a call."""
    windows = asyncio.run(_judge(np.concatenate([_SILENCE, pcm, _SILENCE])))
    last = max(window.end for window in windows if window.probability > SPEECH_GOES_ON_AT)
    return last - (RATE + last_speech_sample + 1) / RATE


async def _judge(pcm: npt.NDArray[np.int16]) -> list[VoiceWindow]:
    """Every window of a recording; moments are seconds from its first sample."""
    worker = SileroWorker(embedded_settings().sovereign_model_cache)
    windows: list[VoiceWindow] = []
    try:
        channel = worker.open(RATE, windows.extend)
        channel.push(pcm.astype("<i2").tobytes(), len(pcm) / RATE)
        worker.kick()
        while channel.backlog > 0.04:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        channel.close()
    finally:
        worker.close()
    return windows
