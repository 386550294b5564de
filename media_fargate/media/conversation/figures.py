"""What a call measures: how long each turn took, and what was used. Times are milliseconds after the end of speech."""

from dataclasses import asdict, dataclass, field
from typing import Any

from media.speech.interfaces import ProviderUsage


@dataclass
class TurnFigures:
    """One turn. Moments are on the event loop's clock; `speech_ended` is the end of the caller's last voiced sound."""

    speech_ended: float
    decided: float
    first_token: float | None = None
    first_audio: float | None = None
    first_packet: float | None = None

    def as_milliseconds(self) -> dict[str, int | None]:
        """The figures as stored: each counted from the end of speech, None where it did not come to that."""
        return {
            "end_of_turn_ms": self._after_speech(self.decided),
            "first_token_ms": self._after_speech(self.first_token),
            "first_audio_ms": self._after_speech(self.first_audio),
            "first_packet_ms": self._after_speech(self.first_packet),
        }

    def _after_speech(self, moment: float | None) -> int | None:
        return None if moment is None else round((moment - self.speech_ended) * 1000)


@dataclass
class CallFigures:
    """Totals of one call; `turns` are the caller's turns that were answered."""

    turns: list[TurnFigures] = field(default_factory=list)
    interruptions: int = 0
    false_interruptions: int = 0
    echoes: int = 0
    discarded_answers: int = 0
    provider_retries: int = 0
    errors: list[str] = field(default_factory=list)
    model: ProviderUsage = field(default_factory=lambda: ProviderUsage(cost_usd=0.0))

    def add_model_usage(self, usage: ProviderUsage) -> None:
        """Count one answer of the model; one of unknown price makes the total unknown."""
        self.model = add_usage(self.model, usage)


class TurnClock:
    """Measures the turn that is being answered, until its answer is heard."""

    def __init__(self, figures: CallFigures) -> None:
        self._figures = figures
        self._turn: TurnFigures | None = None

    def accepted(self, *, speech_ended: float, decided: float) -> None:
        """A turn gets its answer."""
        self._turn = TurnFigures(speech_ended, decided)

    def audible(self, *, first_token: float | None, first_audio: float | None, first_packet: float) -> None:
        """The first sound of an answer left."""
        if self._turn is not None:
            self._turn.first_token, self._turn.first_audio, self._turn.first_packet = (
                first_token,
                first_audio,
                first_packet,
            )
            self._figures.turns.append(self._turn)
            self._turn = None


def add_usage(one: ProviderUsage, other: ProviderUsage) -> ProviderUsage:
    """The sum; its price is unknown when either is."""
    return one + other


def latency_report(figures: CallFigures, *, stt: ProviderUsage, tts: ProviderUsage) -> dict[str, Any]:
    """The call's `latency`: the turns, the counts and what each provider was used for."""
    return {
        "turns": [turn.as_milliseconds() for turn in figures.turns],
        "interruptions": figures.interruptions,
        "false_interruptions": figures.false_interruptions,
        "echoes": figures.echoes,
        "discarded_answers": figures.discarded_answers,
        "provider_retries": figures.provider_retries,
        "usage": {kind: asdict(usage) for kind, usage in (("stt", stt), ("llm", figures.model), ("tts", tts))},
    }
