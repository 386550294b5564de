"""What the parts of one conversation share."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from media.conversation.clearance import Clearance
from media.conversation.events import ConversationEvent
from media.conversation.figures import CallFigures


@dataclass(frozen=True)
class Context:
    """The call's task group (it ends with the call), its figures, where events go to be handled in order, and what may
    be done with the caller's audio."""

    tasks: asyncio.TaskGroup
    figures: CallFigures
    post: Callable[[ConversationEvent], None]
    clearance: Clearance = field(default_factory=Clearance)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run something as long as the call lasts; None when the call is just ending (a timer may still fire then)."""
        try:
            return self.tasks.create_task(work)
        except RuntimeError:
            work.close()
            return None
