"""What the model says on its way to the caller, stretch by stretch, and giving it up when the caller interrupts."""

from dataclasses import dataclass, field

from media.audio.resample import StreamResampler
from media.conversation.history import History
from media.conversation.playout import Playout
from media.conversation.utterance import Utterance
from media.realtime.utterance import ModelUtterance


@dataclass
class _Stretch:
    utterance: ModelUtterance
    resampler: StreamResampler
    complete: bool = False


@dataclass(frozen=True)
class Unheard:
    """A stretch that was stopped: only so many milliseconds of it were heard."""

    item: str
    milliseconds: int


@dataclass
class ModelVoice:
    """Plays what comes; late pieces of what was given up are ignored."""

    playout: Playout
    history: History
    sample_rate: int
    _stretches: dict[str, _Stretch] = field(default_factory=dict)
    _given_up: set[str] = field(default_factory=set)
    _earlier: list[ModelUtterance] = field(default_factory=list)
    """Complete stretches of connections that are gone, until they were played."""
    _expected: ModelUtterance | None = None

    @property
    def generating(self) -> bool:
        """Whether the model is in the middle of a stretch."""
        return any(not stretch.complete for stretch in self._stretches.values())

    @property
    def audible(self) -> bool:
        """Whether something that may be interrupted has begun to be played."""
        current = self.playout.current
        return current is not None and current.started_at is not None and current.interruptible

    def expect(self, utterance: ModelUtterance | None) -> None:
        """The next stretch the model begins is this one, which it was asked for."""
        self._expected = utterance

    @property
    def expected(self) -> ModelUtterance | None:
        """What the model was asked for and has not begun."""
        return self._expected

    def begin(self, item: str, model_rate: int) -> tuple[ModelUtterance, bool] | None:
        """The utterance of a stretch and whether it is new; None for one that was given up."""
        if item in self._given_up:
            return None
        if item in self._stretches:
            return self._stretches[item].utterance, False
        utterance = self._expected or ModelUtterance(self.sample_rate)
        self._expected = None
        again, utterance.item = utterance.item is not None, item
        self._stretches[item] = _Stretch(utterance, StreamResampler(model_rate, self.sample_rate))
        if again:
            utterance.spoken(" ")
        else:
            self.history.add_answer(utterance)
            self.playout.release(utterance)
        return utterance, True

    def play(self, item: str, pcm: bytes) -> None:
        """More audio of a stretch that has begun, at the model's rate."""
        stretch = self._stretches[item]
        if audio := stretch.resampler.push(pcm):
            self.playout.take(stretch.utterance, audio)

    def complete(self, item: str) -> None:
        """Nothing of this stretch follows."""
        stretch = self._stretches.get(item)
        if stretch is None or stretch.complete:
            return
        stretch.complete = True
        if rest := stretch.resampler.flush():
            self.playout.take(stretch.utterance, rest)
        stretch.utterance.complete_audio()
        self.playout.pump()

    def complete_all(self) -> None:
        """The model's turn is over."""
        for item in list(self._stretches):
            self.complete(item)

    def done(self, utterance: ModelUtterance) -> None:
        """A stretch was played, or given up: forget it."""
        if (item := self._item_of(utterance)) is not None:
            del self._stretches[item]
        elif utterance in self._earlier:
            self._earlier.remove(utterance)

    def stop(self, utterance: Utterance) -> None:
        """Give up one utterance, whether it has begun or not."""
        if isinstance(utterance, ModelUtterance) and (item := self._item_of(utterance)) is not None:
            self._given_up.add(item)
            del self._stretches[item]
        elif utterance is self._expected and self._expected.item is None:
            # one that is to be said again keeps its place, or the model would say it as its own
            self._expected = None
        self.playout.stop(utterance)

    def give_up(self, *, all_of_it: bool = False) -> list[Unheard]:
        """Stop what may be interrupted (or everything), playing or on its way; tells what was heard of it."""
        unheard = []
        for earlier in list(self._earlier):
            if all_of_it or earlier.interruptible:
                self.playout.stop(earlier)
        for item, stretch in list(self._stretches.items()):
            utterance = stretch.utterance
            if not (all_of_it or utterance.interruptible):
                continue
            self._given_up.add(item)
            if utterance.done.is_set():
                continue
            self.playout.stop(utterance)
            unheard.append(Unheard(item, utterance.played_milliseconds))
            del self._stretches[item]
        if all_of_it:
            self.playout.stop_all()
        return unheard

    def connection_lost(self, *, closing: bool) -> list[ModelUtterance]:
        """The connection is gone: what it began gets no more audio, and names of stretches may come again. Returns the
        lines that broke off and must be heard whole (notices, questions): they go on when the next begins them."""
        broken = {item: each.utterance for item, each in self._stretches.items() if not closing and _breaks_off(each)}
        for item in broken:
            del self._stretches[item]
        self.complete_all()
        self._earlier += [stretch.utterance for stretch in self._stretches.values()]
        self._stretches.clear()
        self._given_up.clear()
        return list(broken.values())

    def _item_of(self, utterance: ModelUtterance) -> str | None:
        """The name of its stretch; None when it has none on this connection, or has been played."""
        stretch = self._stretches.get(utterance.item or "")
        return utterance.item if stretch is not None and stretch.utterance is utterance else None


def _breaks_off(stretch: _Stretch) -> bool:
    utterance = stretch.utterance
    return not (stretch.complete or utterance.interruptible or utterance.done.is_set())
