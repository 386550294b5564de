"""The tools a model called and is waiting for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from media.conversation.context import Context
from media.conversation.tools import ReplyTools
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
    _named: dict[str, list[ToolCall]] = field(default_factory=dict)
    """The calls of the last turn that named any so; a turn after it, on another connection too, may use the name."""
    _dropped: list[ToolCall] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether the model waits for a result."""
        return any(self.wants(call) for run in self._runs for call in run.calls)

    @property
    def walking(self) -> bool:
        """Whether the call is on its way to another node of its workflow."""
        return any(run.leads_on for run in self._runs)

    def start(self, calls: Sequence[ToolCall], connection: int) -> ToolRun:
        """Run these calls."""
        # told apart by identity, for a later call may be equal to one of these
        calls = [replace(call) for call in calls]
        run = ToolRun(calls, connection, self.box.leads_on(calls))
        self._named |= {call.id: [each for each in calls if each.id == call.id] for call in calls}
        self._runs.append(run)
        self.context.spawn(self._run(run))
        return run

    def drop(self, ids: Sequence[str]) -> None:
        """The model no longer wants these results; the tools run on."""
        self._dropped += [call for each in ids for call in self._named.get(each, ())]

    def wants(self, call: ToolCall) -> bool:
        """Whether the model has not dropped this one."""
        return not any(call is dropped for dropped in self._dropped)

    def put_off(self, connection: int) -> list[ToolCall]:
        """The calls a model that waits must have answers to before it speaks; from now on it waits for none of them."""
        if self.speaks_meanwhile:
            return []
        waiting = [run for run in self._runs if run.connection == connection and not run.put_off]
        for run in waiting:
            run.put_off = True
        return [call for run in waiting for call in run.calls if self.wants(call)]

    def finished(self, done: ToolsDone) -> list[tuple[ToolCall, str]]:
        """The results the model still waits for."""
        self._runs.remove(done.run)
        return [(result.call, result.text) for result in done.results if self.wants(result.call)]

    async def _run(self, run: ToolRun) -> None:
        self.context.post(ToolsDone(run, await self.box.run(run.calls)))
