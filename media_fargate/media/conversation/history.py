"""What was said, for the model and for the transcript: the agent's part is what was really heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from media.conversation.utterance import Utterance
from media.speech.interfaces import ChatMessage, ToolCall


@dataclass
class Answer:
    """The agent's part of one exchange: what was spoken, the tools called with it and their results by call id."""

    utterance: Utterance
    tool_calls: Sequence[ToolCall] = ()
    results: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What the model is told it said: all of it, or what was heard when it was stopped."""
        return self.utterance.heard() if self.utterance.stopped else self.utterance.text


@dataclass(frozen=True)
class _Said:
    text: str


@dataclass
class CallerEntry:
    """A turn of the caller whose text comes later; `known`: nothing of it follows."""

    text: str = ""
    known: bool = False


@dataclass(frozen=True)
class _Note:
    text: str


_Entry = _Said | CallerEntry | _Note | Answer


class History:
    """The conversation so far. `transcribe(role, text)` receives every entry once, in order, when it is final."""

    def __init__(self, prompt: Sequence[ChatMessage], transcribe: Callable[[str, str], None]) -> None:
        self.prompt = prompt
        """What stands before the conversation."""
        self._transcribe = transcribe
        self._entries: list[_Entry] = []
        self._transcribed = 0

    def instruct(self, prompt: Sequence[ChatMessage]) -> None:
        """Put another prompt before the conversation."""
        self.prompt = prompt

    def add_caller(self, text: str) -> None:
        """The caller said this."""
        self._entries.append(_Said(text))
        self.settle()

    def expect_caller(self) -> CallerEntry:
        """The caller said something here; what it was is put in as it becomes known. Call `settle` when it is."""
        entry = CallerEntry()
        self._entries.append(entry)
        return entry

    def add_note(self, text: str) -> None:
        """Tell the model something that nobody said; it is not part of the transcript."""
        self._entries.append(_Note(text))

    def add_answer(self, utterance: Utterance) -> Answer:
        """The agent speaks; the entry follows what the utterance becomes."""
        answer = Answer(utterance)
        self._entries.append(answer)
        return answer

    def settle(self, *, final: bool = False) -> None:
        """Transcribe what has become final; with `final` everything, as far as it was heard."""
        while self._transcribed < len(self._entries):
            entry = self._entries[self._transcribed]
            if isinstance(entry, Answer) and not (final or entry.utterance.done.is_set()):
                return
            if isinstance(entry, CallerEntry) and not (final or entry.known):
                return
            self._transcribed += 1
            said = isinstance(entry, _Said | CallerEntry)
            role, text = ("user", entry.text.strip()) if said else ("assistant", _heard(entry))
            if text:
                self._transcribe(role, text)

    def messages(self, *pending: str) -> list[ChatMessage]:
        """The conversation for the model; `pending` is what the caller said that is not in the history yet."""
        return [*self.prompt, *self.said(), *(ChatMessage("user", text) for text in pending)]

    def said(self) -> list[ChatMessage]:
        """The conversation without its prompt."""
        return [message for entry in self._entries for message in _messages(entry)]


def _heard(entry: _Entry) -> str:
    return entry.utterance.heard() if isinstance(entry, Answer) else ""


def _messages(entry: _Entry) -> list[ChatMessage]:
    if isinstance(entry, _Said | CallerEntry):
        text = entry.text.strip()
        return [ChatMessage("user", text)] if text else []
    if isinstance(entry, _Note):
        return [ChatMessage("system", entry.text)]
    # a call without its result (the tool still runs) is no valid history for any vendor
    calls = [call for call in entry.tool_calls if call.id in entry.results]
    if not entry.text and not calls:
        return []
    answer = ChatMessage("assistant", entry.text, tool_calls=calls)
    return [answer, *(ChatMessage("tool", entry.results[call.id], tool_call_id=call.id) for call in calls)]
