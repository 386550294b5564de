"""The tools a model called and is waiting for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from media.conversation.context import Context
from media.conversation.tools import ToolBox
from media.realtime.events import ToolsDone
from media.speech.interfaces import ToolCall


@dataclass
class ToolRuns:
    """Runs the calls of each turn together and posts ToolsDone. `speaks_meanwhile`: the model can be made to say
    something while it waits."""

    box: ToolBox
    context: Context
    speaks_meanwhile: bool
    _running: int = 0
    _dropped: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        """Whether the model waits for a result."""
        return self._running > 0

    def start(self, calls: Sequence[ToolCall], connection: int) -> str | None:
        """Run these calls, made on the call's `connection`; returns what may be said meanwhile."""
        self._running += 1
        self.context.spawn(self._run(calls, connection))
        return self.box.filler(calls)

    def drop(self, ids: Sequence[str]) -> None:
        """The model no longer wants these results; the tools run on."""
        self._dropped.update(ids)

    def finished(self, done: ToolsDone) -> list[tuple[ToolCall, str]]:
        """The results the model still waits for."""
        self._running -= 1
        wanted = [result for result in done.results if result.call.id not in self._dropped]
        return [(result.call, result.text) for result in wanted]

    async def _run(self, calls: Sequence[ToolCall], connection: int) -> None:
        self.context.post(ToolsDone(await self.box.run(calls), connection))
