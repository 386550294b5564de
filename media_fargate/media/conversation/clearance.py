"""What may be done with the caller's audio: nothing before the call's own rules allow it."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clearance:
    """Set once and never taken back. `listening`: the recogniser and the model may hear the caller. `recording`: what
    was promised before a recording (consent, or a spoken notice) is done; it is never set where a recording may not be
    made."""

    listening: asyncio.Event = field(default_factory=asyncio.Event)
    recording: asyncio.Event = field(default_factory=asyncio.Event)
