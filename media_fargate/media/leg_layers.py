"""What lies between a conversation and its phone line: a place in the background, a recording."""

import asyncio
from dataclasses import dataclass
from functools import partial

from media.background.background_leg import BackgroundLeg
from media.background.bed import Bed
from media.background.loops import Loops, loops_of
from media.recording.recorded_leg import RecordedLeg
from media.recording.recorder import Recorder
from media.recording.uploads import SegmentUploads
from media.running_call import Conversation
from media.telephony.leg import CallLeg
from sovereign.calls.model import CallRef
from sovereign.recordings.layout import SegmentName
from sovereign.recordings.storage import Recordings

__all__ = ["LegLayers", "layers_of"]


@dataclass(frozen=True, kw_only=True)
class LegLayers:
    """The layers of one call. `recordings` None: it is not recorded. `loops` None: nothing behind the agent."""

    ref: CallRef
    recordings: Recordings | None = None
    loops: Loops | None = None
    volume: float = 0.0

    def over(self, leg: CallLeg) -> CallLeg:
        """The leg as the conversation has it; called on an answered leg. The recording hears the background too."""
        if self.recordings is not None:
            leg = self._recorded(leg, self.recordings)
        if self.loops is not None:
            leg = BackgroundLeg(leg, Bed(self.loops[leg.sample_rate], self.volume))
        return leg

    def _recorded(self, leg: CallLeg, recordings: Recordings) -> CallLeg:
        uploads = SegmentUploads(self.ref.call_id, partial(_put, recordings, self.ref, leg.sample_rate))
        return RecordedLeg(leg, Recorder(leg.sample_rate, uploads.add), uploads)


async def layers_of(conversation: Conversation, recordings: Recordings | None) -> LegLayers:
    """The layers an assistant asks for. Never a recording in gdpr_mode; when one begins is the opening's to say."""
    settings, background = conversation.assistant.settings, conversation.assistant.speech.background_audio
    recorded = settings.recording_enabled and not settings.gdpr_mode
    layers = LegLayers(ref=conversation.ref, recordings=recordings if recorded else None)
    if background is None or not background.enabled:
        return layers
    loops = await asyncio.to_thread(loops_of, background.clip)
    return LegLayers(ref=layers.ref, recordings=layers.recordings, loops=loops, volume=background.volume)


def _put(recordings: Recordings, ref: CallRef, sample_rate: int, first_frame: int, pcm: bytes) -> None:
    recordings.put_segment(ref, SegmentName(first_frame, sample_rate), pcm)
