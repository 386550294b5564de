"""How a call sounds: turn-taking, pronunciation, background, silence. Times are in seconds."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sovereign.catalog.base import Strict

Line = Annotated[str, Field(max_length=300)]


class TurnTaking(Strict):
    """When the assistant takes the turn and when it gives it up. No `false_interruption_timeout` = never resumed."""

    endpointing_min_delay: float = Field(default=0.4, ge=0.1, le=5)
    endpointing_max_delay: float = Field(default=2, ge=0.1, le=5)
    interruption_min_duration: float = Field(default=0.3, ge=0.05, le=2)
    interruption_min_words: int = Field(default=0, ge=0, le=10)
    false_interruption_timeout: float | None = Field(default=1.5, ge=0.2, le=5)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.endpointing_max_delay < self.endpointing_min_delay:
            raise ValueError("endpointing_max_delay must not be below endpointing_min_delay")
        return self


class Pronunciation(Strict):
    """What is written one way and spoken another; a literal replacement before speaking."""

    from_: str = Field(alias="from", min_length=1, max_length=64)
    to: str = Field(max_length=128)


class BackgroundAudio(Strict):
    """A quiet loop under the assistant's voice; `volume` is a factor of full scale."""

    enabled: bool = False
    clip: Literal["office", "city", "forest", "crowded_room"] = "office"
    volume: float = Field(default=0.3, ge=0.05, le=1)


class Silence(Strict):
    """What is said to a caller who says nothing, and how often before the call ends."""

    messages: Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=5)] = Field(
        default_factory=list
    )
    final_message: Line | None = None
    first_check_seconds: float = Field(default=3, ge=1, le=60)
    interval_seconds: float = Field(default=12, ge=3, le=120)
    max_attempts: int = Field(default=3, ge=1, le=10)


def _has_two_letters(phrase: str) -> str:
    if sum(character.isalnum() for character in phrase) < 2:
        raise ValueError("must hold at least 2 letters or digits")
    return phrase


EndCallPhrase = Annotated[str, Field(max_length=100), AfterValidator(_has_two_letters)]


class SpeechConfig(Strict):
    """All parts are optional. A part that is left out works with its defaults; `silence` then falls back further."""

    turn_taking: TurnTaking | None = None
    pronunciation: Annotated[list[Pronunciation], Field(max_length=50)] | None = None
    background_audio: BackgroundAudio | None = None
    silence: Silence | None = None
    end_call_message: Line | None = None
    first_message_outbound: Line | None = None
    end_call_phrases: Annotated[list[EndCallPhrase], Field(max_length=5)] | None = None

    def stored(self) -> dict[str, Any]:
        """What was sent, nulls included: there a null may mean "off"."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)
