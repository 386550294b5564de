"""What the model is still to be asked for: one thing at a time, for it can answer only one."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from media.realtime.link import ModelLink, Request
from media.realtime.tool_runs import ToolRuns
from media.realtime.utterance import ModelUtterance
from media.speech.interfaces import ToolCall
from media.speech.speech_to_speech import SpeechSession

ANSWER_SECONDS = 8.0
"""Longest wait for the first sound of something the model was asked to say."""


_PUT_OFF = (
    "(This is not finished; its result will be told. Say exactly this to the caller now, and nothing else: {text})"
)
_NOT_FINISHED = "(This is not finished; its result will be told.)"


@dataclass(frozen=True)
class _Turn:
    """A request that makes the model speak; `line`: it is to say this. `elsewhere`: what to ask it instead on another
    connection, which knows nothing of the calls it made on this one. `results_of`: it is for nothing once the model
    wants none of these. `change`: not a request, but the moment at which it goes on under other instructions, which
    connections begun after so many have from the start."""

    request: Request
    line: ModelUtterance | None = None
    elsewhere: Request | None = None
    results_of: Sequence[ToolCall] = ()
    change: int | None = None


async def _nothing(_: SpeechSession) -> None:
    return


class Requests:
    """Queues what makes the model speak; `next` sends one when the model is free. `late` is called when nothing came
    of it in time."""

    def __init__(self, link: ModelLink, late: Callable[[], None], tools: ToolRuns) -> None:
        self._link = link
        self._late = late
        self._tools = tools
        self._loop = asyncio.get_running_loop()
        self._turns: deque[_Turn] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._asked: _Turn | None = None

    @property
    def waiting(self) -> bool:
        """Whether something is still to be asked for."""
        return bool(self._turns)

    @property
    def unanswered(self) -> bool:
        """Whether the model was asked and has not begun to answer."""
        return self._asked is not None

    def say(self, line: ModelUtterance) -> None:
        """Have the model say this after what was asked before. Where it would say nothing before it has the results it
        waits for, the line is the answer it gets for now."""
        text, request = line.asked or "", _speaking(line)
        put_off = self._tools.put_off(self._link.connections)

        async def answer(session: SpeechSession) -> None:
            wanted = [call for call in put_off if self._tools.wants(call)]
            if not wanted:
                await request(session)
                return
            told = [(call, _NOT_FINISHED) for call in wanted[1:]]
            await session.give_results([(wanted[0], _PUT_OFF.format(text=text)), *told])

        self._turns.append(_Turn(answer if put_off else request, line, elsewhere=request))

    def say_again(self, lines: Sequence[ModelUtterance]) -> None:
        """These broke off with their connection: the next says them before anything else."""
        self._turns.extendleft(_Turn(_speaking(line), line) for line in reversed(lines))

    def change(self) -> None:
        """After what was asked before, the model is to go on under other instructions."""
        self._turns.append(_Turn(_nothing, change=self._link.begun))

    @property
    def comes_to_change(self) -> bool:
        """Whether that moment has come."""
        return bool(self._turns) and self._turns[0].change is not None

    @property
    def changes(self) -> bool:
        """Whether it is still to come."""
        return any(turn.change is not None for turn in self._turns)

    def changed(self) -> None:
        """It is done."""
        self._turns.popleft()

    def respond(self) -> None:
        """Have the model speak of its own accord."""

        async def request(session: SpeechSession) -> None:
            await session.respond()

        self._turns.append(_Turn(request))

    def inform(self, text: str) -> None:
        """Have the model react to this."""
        self._turns.append(_informing(text))

    def tell(self, text: str) -> None:
        """Tell the model something it does not answer."""

        async def request(session: SpeechSession) -> None:
            await session.inform(text, respond=False)

        self._link.ask(request, also_next=True)

    def give_results(self, results: Sequence[tuple[ToolCall, str]], *, respond: bool = True) -> None:
        """Have the model go on with these, before anything else: it waits for them. Without `respond` it is told."""

        async def request(session: SpeechSession) -> None:
            if wanted := [(call, text) for call, text in results if self._tools.wants(call)]:
                await session.give_results(wanted, respond=respond)

        if not respond:
            self._link.ask(request)
            return
        elsewhere = _informing(told_elsewhere(results)).request
        self._turns.appendleft(_Turn(request, elsewhere=elsewhere, results_of=[call for call, _ in results]))

    def results_elsewhere(self, results: Sequence[tuple[ToolCall, str]]) -> None:
        """As `give_results`, when the model does not wait for them (any more)."""
        self._turns.append(_informing(told_elsewhere(results)))

    def hold(self) -> None:
        """The connection is gone: an answer is not late for that."""
        self._stop_waiting()

    def next(self) -> ModelUtterance | None:
        """Ask for what comes next; returns the line the model is to say, if it is one."""
        while self._turns and self._for_nothing(self._turns[0]):
            self._turns.popleft()
        if not self._turns or self.comes_to_change:
            return None
        self._asked = turn = self._turns.popleft()
        self._link.ask(turn.request)
        self._stop_waiting()
        self._timer = self._loop.call_later(ANSWER_SECONDS, self._late)
        return turn.line

    def _for_nothing(self, turn: _Turn) -> bool:
        if turn.line is not None and turn.line.done.is_set():
            return True
        return bool(turn.results_of) and not any(self._tools.wants(call) for call in turn.results_of)

    def answered(self) -> None:
        """The model has begun to answer, or is done without a word."""
        self._asked = None
        self._stop_waiting()

    def reconnected(self) -> bool:
        """What was asked last was lost with its connection: it comes first again. Whether anything is to be asked that
        makes the model speak. The new connection has the instructions there were when it was begun."""
        asked, self._asked = self._asked, None
        self._stop_waiting()
        turns = [*([asked] if asked is not None else []), *self._turns]
        self._turns = deque(
            turn if turn.elsewhere is None else replace(turn, request=turn.elsewhere)
            for turn in turns
            if turn.change is None or turn.change == self._link.begun
        )
        return any(turn.change is None and not self._for_nothing(turn) for turn in self._turns)

    def drop(self) -> list[ModelUtterance]:
        """Ask for nothing of it any more; returns the lines that were never begun."""
        turns = [*([self._asked] if self._asked else []), *self._turns]
        self._turns.clear()
        self.answered()
        return [turn.line for turn in turns if turn.line is not None]

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def told_elsewhere(results: Sequence[tuple[ToolCall, str]]) -> str:
    """Results of tool calls as a text, for a connection that did not make the calls."""
    return "\n".join([found(results), "Go on with this."])


def found(results: Sequence[tuple[ToolCall, str]]) -> str:
    """Results of tool calls as a text."""
    return "\n".join(f"The result of {call.name}: {text}" for call, text in results)


def _informing(text: str) -> _Turn:
    async def request(session: SpeechSession) -> None:
        await session.inform(text, respond=True)

    return _Turn(request)


def _speaking(line: ModelUtterance) -> Request:
    async def request(session: SpeechSession) -> None:
        await session.speak(line.asked or "", interruptible=line.interruptible)

    return request
