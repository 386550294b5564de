"""How one call's assistant converses. Turn-taking and silence are the catalogue's own models; times in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from media.speech.interfaces import ChatMessage
from sovereign.catalog.speech import Silence, TurnTaking

__all__ = ["ConversationSettings", "Silence", "TurnTaking"]


@dataclass(frozen=True, kw_only=True)
class ConversationSettings:
    """One call's conversation.

    `prompt` opens every request to the model. `disclosure` is spoken first and cannot be interrupted; then comes the
    question for `consent` to being heard (None: not asked), then the `recording_notice`, then `first_message`, or the
    model when that is None (empty: the caller begins). Without a notice a recording may be made only with
    `recording_without_notice`. With `voicemail_detection` all this waits for whoever answers to speak first, and a
    machine gets the `voicemail_message` instead (None: the call is ended).
    `pronunciation` pairs are (written, spoken). `silence` None: a silent caller is left alone.
    """

    prompt: Sequence[ChatMessage] = ()
    disclosure: str | None = None
    voicemail_detection: bool = False
    voicemail_message: str | None = None
    consent: str | None = None
    recording_notice: str | None = None
    recording_without_notice: bool = False
    first_message: str | None = ""
    turn_taking: TurnTaking = field(default_factory=TurnTaking)
    silence: Silence | None = None
    pronunciation: Sequence[tuple[str, str]] = ()
    end_call_message: str | None = None
    end_call_phrases: Sequence[str] = ()
    credits_warning: str = "I'm sorry, this call will end in thirty seconds."
    apology: str = "I'm sorry, there is a technical problem and I have to end this call. Please try again later."
