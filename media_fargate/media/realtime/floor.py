"""The model's side of the floor: whether it speaks or is to, and giving up what it says."""

from collections.abc import Sequence

from media.conversation.context import Context
from media.realtime.awaited_answer import AwaitedAnswer
from media.realtime.caller_voice import CallerVoice
from media.realtime.link import ModelLink, Request
from media.realtime.requests import Requests
from media.realtime.tool_runs import ToolRuns
from media.realtime.voice import ModelVoice, Unheard
from media.speech.speech_to_speech import SpeechSession


class Floor:
    """Knows who has the floor, and pauses, resumes or stops the model's speech.

    The caller's voice pauses first (`pause`); when it is known what it was the floor is taken (`take`) or given back
    (`give_back`).
    """

    def __init__(
        self,
        *,
        link: ModelLink,
        voice: ModelVoice,
        caller: CallerVoice,
        requests: Requests,
        tools: ToolRuns,
        answer: AwaitedAnswer,
        context: Context,
    ) -> None:
        self._link = link
        self._voice = voice
        self._caller = caller
        self._requests = requests
        self._tools = tools
        self._answer = answer
        self._figures = context.figures

    # who has it

    @property
    def protected(self) -> bool:
        """Whether the model says something, or is to, that must not be interrupted."""
        said = (self._voice.expected, self._voice.playout.current)
        return any(utterance is not None and not utterance.interruptible for utterance in said)

    @property
    def model_done(self) -> bool:
        """Whether the model makes nothing to be heard and was not asked to."""
        return not (self._voice.generating or self._requests.unanswered)

    @property
    def quiet(self) -> bool:
        """Whether the model says nothing and was not asked to."""
        return self.model_done and not self._voice.playout.speaking

    @property
    def model_waits(self) -> bool:
        """Whether the model has nothing to do: nobody speaks to it, and nothing is to come."""
        busy = self._requests.waiting or self._tools.running or self.caller_in_turn
        return self.model_done and not busy and not self._answer.expected

    @property
    def idle(self) -> bool:
        """Whether neither side speaks or is expected to."""
        return self.quiet and self.model_waits

    @property
    def caller_in_turn(self) -> bool:
        """Whether the caller speaks, or has only paused."""
        return self._caller.turns.in_turn

    @property
    def caller_speaking(self) -> bool:
        """Whether the caller's voice is heard at the moment."""
        return self._caller.turns.caller_speaking

    def may_be_interrupted(self, *, closing: bool) -> None:
        """Have the caller's voice judged as an interruption while there is something to interrupt."""
        self._caller.turns.agent_active = self._voice.audible and not closing

    # giving it up

    def pause(self) -> None:
        """Fall silent at once; nothing is lost."""
        if self._voice.audible and not self._voice.playout.paused:
            self._figures.interruptions += 1
            self._voice.playout.pause()

    def give_back(self) -> None:
        """It was nothing: go on where the model stopped."""
        if self._voice.playout.paused:
            self._figures.false_interruptions += 1
            self._voice.playout.resume()

    def take(self) -> bool:
        """The caller meant it: give up what is said, and tell the model how much was heard. Whether something was."""
        playout = self._voice.playout
        paused, audible = playout.paused, self._voice.audible
        if audible and not paused:
            self._figures.interruptions += 1
        self._tell_heard(self._voice.give_up())
        self._caller.settle_interruption()
        playout.resume()
        return paused or audible

    def fall_silent(self) -> None:
        """Give up everything that is said or was to be, also what the caller is still to be answered."""
        answers = not self.model_done or self._answer.expected
        self.give_up_lines()
        self._link.forget_caller()
        if answers:
            self._link.ask(_cancel)
        self._tell_heard(self._voice.give_up(all_of_it=True))

    def give_up_lines(self) -> None:
        """What the model was asked for is not waited for any more."""
        self._voice.expect(None)
        for line in self._requests.drop():
            self._voice.playout.stop(line)

    def _tell_heard(self, cut_off: Sequence[Unheard]) -> None:
        for unheard in cut_off:
            self._link.ask(_heard(unheard))


def _heard(unheard: Unheard) -> Request:
    async def request(session: SpeechSession) -> None:
        await session.heard(unheard.item, unheard.milliseconds)

    return request


async def _cancel(session: SpeechSession) -> None:
    await session.cancel()
