"""The agent's side of the floor: its current answer, and giving way when the caller takes the turn."""

from media.conversation.context import Context
from media.conversation.ear import Ear
from media.conversation.history import History
from media.conversation.reply import Reply, Responder
from media.conversation.speaker import Speaker


class Floor:
    """Knows whether the agent speaks or prepares to, and stops, pauses or resumes it.

    An interruption pauses first (`interrupt`); when the caller's words are known the floor is taken (`take`) or given
    back (`give_back`).
    """

    def __init__(self, ear: Ear, speaker: Speaker, responder: Responder, history: History, context: Context) -> None:
        self._ear = ear
        self._speaker = speaker
        self._responder = responder
        self._history = history
        self._figures = context.figures
        self.reply: Reply | None = None
        self.interrupted = False
        """Paused by the caller's voice, not yet decided."""

    @property
    def agent_busy(self) -> bool:
        """Whether the agent speaks, thinks or waits for a tool."""
        return self.reply is not None or self._speaker.speaking

    @property
    def agent_audible(self) -> bool:
        """Whether something of the present utterance has been played."""
        current = self._speaker.current
        return current is not None and current.started_at is not None

    def has_line_after(self, moment: float) -> bool:
        """Whether all that is said is a line, no answer, of which nothing was played by then."""
        current = self._speaker.current
        begun_before = current is None or (current.started_at is not None and current.started_at < moment)
        return self.reply is None and not begun_before

    @property
    def can_be_taken(self) -> bool:
        """Whether there is something to interrupt that may be interrupted."""
        current = self._speaker.current
        return self.agent_busy and (current is None or current.interruptible)

    def answer(self, prepared: Reply | None = None) -> None:
        """Start answering, or let an answer that was prepared be heard."""
        self.reply = prepared or self._responder.begin(self._history.messages())
        self._responder.release(self.reply)

    def prepare_answer(self, text: str) -> Reply:
        """Start an answer to what the caller may have finished saying; nobody hears it yet."""
        return self._responder.begin(self._history.messages(text))

    def discard(self, prepared: Reply) -> None:
        """The caller went on: throw the prepared answer away."""
        self._responder.discard(prepared)

    def interrupt(self) -> bool:
        """Fall silent at once, without losing anything; whether there was something to interrupt."""
        if self.interrupted or not self.can_be_taken:
            return False
        self._figures.interruptions += 1
        self.interrupted = True
        self._speaker.pause()
        return True

    def take(self) -> None:
        """The caller meant it: give up what was being said. Tools already called are still waited for."""
        self.interrupted = False
        self._ear.settle_interruption()
        current = self._speaker.current
        self.stop_answer()
        if current is not None and current.interruptible:
            self._speaker.stop(current)
        self._speaker.resume()

    def give_back(self) -> None:
        """It was nothing: go on where the agent stopped."""
        self.interrupted = False
        self._figures.false_interruptions += 1
        self._ear.settle_interruption()
        self._speaker.resume()

    def stop_answer(self) -> None:
        """Stop generating and speaking the present answer."""
        reply = self.reply
        if reply is not None:
            self._responder.interrupt(reply)
            if not reply.running_tools:
                self.reply = None

    def silence(self) -> None:
        """Stop everything the agent says or prepares."""
        self.interrupted = False
        self.stop_answer()
        self._speaker.stop_all()
        self._speaker.caller_speaking = False
