"""The tools a model called and is waiting for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from media.conversation.context import Context
from media.conversation.tools import ReplyTools, ToolResult
from media.realtime.events import ToolsDone
from media.speech.interfaces import ToolCall


@dataclass(eq=False)
class ToolRun:
    """The calls of one turn, made on the call's `connection`. `leads_on`: one of them walks a workflow. `line_spoken`:
    their line was said. `put_off`: the model was given something in place of the results, and waits no more."""

    calls: Sequence[ToolCall]
    connection: int
    leads_on: bool
    line_spoken: bool = False
    put_off: bool = False


@dataclass
class ToolRuns:
    """Runs the calls of each turn together and posts ToolsDone. `speaks_meanwhile`: the model can be made to say
    something while it waits."""

    box: ReplyTools
    context: Context
    speaks_meanwhile: bool
    _runs: list[ToolRun] = field(default_factory=list)
    _dropped: set[str] = field(default_factory=set)

    @property
    def running(self) -> bool:
        """Whether the model waits for a result."""
        return bool(self._runs)

    @property
    def walking(self) -> bool:
        """Whether the call is on its way to another node of its workflow."""
        return any(run.leads_on for run in self._runs)

    def start(self, calls: Sequence[ToolCall], connection: int) -> ToolRun:
        """Run these calls."""
        run = ToolRun(calls, connection, self.box.leads_on(calls))
        # another connection may name its calls as the one before did
        self._dropped.difference_update(call.id for call in calls)
        self._runs.append(run)
        self.context.spawn(self._run(run))
        return run

    def drop(self, ids: Sequence[str]) -> None:
        """The model no longer wants these results; the tools run on."""
        self._dropped.update(ids)

    def wants(self, call: ToolCall) -> bool:
        """Whether the model has not dropped this one."""
        return call.id not in self._dropped

    def put_off(self, connection: int) -> list[ToolCall]:
        """The calls a model that waits must have answers to before it speaks; from now on it waits for none of them."""
        if self.speaks_meanwhile:
            return []
        waiting = [run for run in self._runs if run.connection == connection and not run.put_off]
        for run in waiting:
            run.put_off = True
        return [call for run in waiting for call in run.calls if call.id not in self._dropped]

    def finished(self, done: ToolsDone) -> list[tuple[ToolCall, str]]:
        """The results the model still waits for."""
        self._runs.remove(done.run)
        wanted: list[ToolResult] = [result for result in done.results if result.call.id not in self._dropped]
        return [(result.call, result.text) for result in wanted]

    async def _run(self, run: ToolRun) -> None:
        self.context.post(ToolsDone(run, await self.box.run(run.calls)))
