"""A frozen assistant becomes a call's setup."""

from typing import Any

import pytest

from media.calls.setup import CallSetup
from media.speech.interfaces import ChatMessage
from sovereign.assistants import AssistantMembers, EffectiveAssistant
from sovereign.assistants.settings import DEFAULT_AI_DISCLOSURE
from sovereign.calls.model import CallRef, Direction

REF = CallRef("org", "call", 1)
LLM = {
    "provider": "local",
    "model": "intents",
    "messages": [{"role": "system", "content": "You are a baker."}],
    "tools": [{"type": "end_call"}],
}


def assistant(**members: Any) -> EffectiveAssistant:
    return EffectiveAssistant(settings=AssistantMembers.model_validate({"llm_config": LLM} | members))


def test_the_conversation_follows_the_assistant() -> None:
    setup = CallSetup.from_assistant(
        REF,
        "inbound",
        assistant(
            first_message="Hello.",
            ai_disclosure="I am a machine.",
            max_duration_seconds=60,
            speech_config={
                "turn_taking": {"endpointing_min_delay": 0.7},
                "pronunciation": [{"from": "a", "to": "b"}],
                "end_call_message": "Bye.",
                "end_call_phrases": ["good bye"],
                "first_message_outbound": "Hi, it is me.",
            },
        ),
    )
    conversation = setup.conversation
    assert conversation.prompt == (ChatMessage("system", "You are a baker."),)
    assert (conversation.disclosure, conversation.first_message) == ("I am a machine.", "Hello.")
    assert conversation.turn_taking.endpointing_min_delay == pytest.approx(0.7)
    assert conversation.pronunciation == (("a", "b"),)
    assert (conversation.end_call_message, conversation.end_call_phrases) == ("Bye.", ("good bye",))
    assert (conversation.silence, setup.max_duration_seconds) == (None, 60.0)
    assert [getattr(tool, "type", None) for tool in setup.tools] == ["end_call"]


def test_an_outbound_call_may_have_its_own_first_message() -> None:
    members = {"first_message": "Hello.", "speech_config": {"first_message_outbound": "Hi, it is me."}}
    assert CallSetup.from_assistant(REF, "outbound", assistant(**members)).conversation.first_message == "Hi, it is me."


def test_no_first_message_lets_the_model_open() -> None:
    assert CallSetup.from_assistant(REF, "inbound", assistant()).conversation.first_message is None


def test_silence_handling_uses_the_timeout_without_settings_of_its_own() -> None:
    members = {"autonomous_silence_handling": True, "silence_timeout_seconds": 9}
    silence = CallSetup.from_assistant(REF, "inbound", assistant(**members)).conversation.silence
    assert silence is not None
    assert silence.first_check_seconds == 9


CONSENT = {"recording_consent": {"enabled": True, "message": "Press one."}}


@pytest.mark.parametrize(("direction", "consent"), [("inbound", "Press one."), ("outbound", None), ("web", None)])
def test_only_the_caller_of_a_phone_number_is_asked_for_consent(direction: Direction, consent: str | None) -> None:
    assert CallSetup.from_assistant(REF, direction, assistant(**CONSENT)).conversation.consent == consent


def test_a_consent_that_is_switched_off_is_not_asked_for() -> None:
    members = {"recording_consent": {"enabled": False, "message": "Press one."}}
    assert CallSetup.from_assistant(REF, "inbound", assistant(**members)).conversation.consent is None


@pytest.mark.parametrize(
    ("direction", "members", "notice", "without"),
    [
        ("outbound", {"recording_enabled": True}, "Recorded.", False),
        ("web", {"recording_enabled": True}, "Recorded.", False),
        ("inbound", {"recording_enabled": True}, "Recorded.", True),
        ("outbound", {"recording_enabled": False}, None, False),
        ("inbound", {"recording_enabled": False}, None, False),
        ("inbound", {"recording_enabled": True, "gdpr_mode": True}, None, False),
    ],
)
def test_the_notice_is_spoken_where_something_is_recorded(
    direction: Direction, members: dict[str, Any], notice: str | None, *, without: bool
) -> None:
    setup = CallSetup.from_assistant(REF, direction, assistant(recording_notice="Recorded.", **members))
    assert setup.conversation.recording_notice == notice
    assert setup.conversation.recording_without_notice is without


def test_a_new_assistant_says_what_it_is() -> None:
    assert CallSetup.from_assistant(REF, "inbound", assistant()).conversation.disclosure == DEFAULT_AI_DISCLOSURE
    assert CallSetup.from_assistant(REF, "inbound", assistant(ai_disclosure=None)).conversation.disclosure is None
