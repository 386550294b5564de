"""What becomes of the tools a model calls, and of the nodes of a workflow they lead to."""

from collections.abc import Sequence

from media.conversation.history import History
from media.conversation.tools import leaves_nothing_to_say
from media.realtime.awaited_answer import AwaitedAnswer
from media.realtime.events import ToolsDone
from media.realtime.floor import Floor
from media.realtime.host import Host
from media.realtime.link import ModelLink
from media.realtime.requests import Requests, found
from media.realtime.tool_runs import ToolRun, ToolRuns
from media.speech.interfaces import ToolCall

_WENT_ON = '{"result": "the caller went on speaking, so the call was not ended"}'


class ToolTurns:
    """Gives the model its results, and has it go on under the instructions of the node that was entered.

    While a walk lasts the model hears nothing: what the caller says then is answered by the node it leads to. The
    change comes after what was said on the way, and before anything the node says.
    """

    def __init__(
        self,
        host: Host,
        *,
        link: ModelLink,
        tools: ToolRuns,
        requests: Requests,
        history: History,
        floor: Floor,
        answer: AwaitedAnswer,
    ) -> None:
        self._host = host
        self._link = link
        self._tools = tools
        self._requests = requests
        self._history = history
        self._floor = floor
        self._answer = answer
        self._moved = False
        self._hung_up: tuple[ToolsDone, ToolCall] | None = None

    def called(self, calls: Sequence[ToolCall], *, spoke: bool) -> None:
        """The model wants these; `spoke`: it said something with it."""
        filler = None if spoke else self._tools.box.filler(calls)
        run = self._tools.start(calls, self._link.connections)
        run.line_spoken = filler is not None
        if run.leads_on:
            self._link.hold()
        if filler:
            self._host.say(filler)

    def done(self, event: ToolsDone) -> None:
        """The results of one turn's calls."""
        run, results = event.run, self._tools.finished(event)
        complete = leaves_nothing_to_say(event.results, line_spoken=run.line_spoken)
        waited_for = self._waited_for(run)
        moved = run.leads_on and self._moved
        ending = next((result for result in event.results if result.ends_call and self._tools.wants(result.call)), None)
        if moved:
            self._arrive(results, complete=complete, waited_for=waited_for)
        elif ending is not None:
            self._hung_up = self._hung_up or (event, ending.call)
            self._host.wants_end(ending)
        elif results and waited_for:
            self._requests.give_results(results, respond=not complete)
        elif results and not complete:
            self._requests.results_elsewhere(results)
        if run.leads_on and not moved:
            self._link.release()

    def not_ended(self) -> None:
        """The caller went on speaking: a model that hung up is told, and what else came of that turn's calls, too."""
        if self._hung_up is None:
            return
        (done, call), self._hung_up = self._hung_up, None
        results = [(result.call, result.text) for result in done.results if self._tools.wants(result.call)]
        others = [(each, text) for each, text in results if each is not call]
        if self._waited_for(done.run):
            self._requests.give_results([*others, (call, _WENT_ON)], respond=not self._link.instructable)
        elif others:
            self._requests.results_elsewhere(others)

    def _waited_for(self, run: ToolRun) -> bool:
        return self._link.connected and run.connection == self._link.connections and not run.put_off

    # the nodes of a workflow

    def node_entered(self) -> None:
        """The call is in another node, whose instructions and tools are in place."""
        if self._link.connections:
            self._moved = True
            self._requests.change()

    @property
    def change_due(self) -> bool:
        """Whether the model is to go on under other instructions before it is asked for more."""
        return self._requests.comes_to_change and not self._tools.walking

    def change_over(self) -> bool:
        """Have it go on under them; whether that takes another connection."""
        self._requests.changed()
        if not self._link.instructable:
            self._link.renew()
            return True
        self._link.instruct()
        self._link.release()
        return False

    def connected(self) -> None:
        """A connection has begun: the caller is heard, unless it is first to go on under other instructions."""
        if not (self._tools.walking or self._requests.changes):
            self._link.release()

    def _arrive(self, results: Sequence[tuple[ToolCall, str]], *, complete: bool, waited_for: bool) -> None:
        """A walk is over: what was found on the way is known in the node, which opens unless its first line did."""
        self._moved = False
        if results:
            self._history.add_note(found(results))
            if waited_for and self._link.instructable:
                self._requests.give_results(results, respond=False)
        if complete:
            return
        if self._link.holds_speech:
            # it is answered; should it have been a mere noise, the node opens after all
            self._answer.otherwise(self._open_unless_busy)
        else:
            self._requests.respond()

    def _open_unless_busy(self) -> None:
        if self._floor.model_waits and not self._host.closing:
            self._requests.respond()
