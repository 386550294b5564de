"""What the assistant routes answer."""

from functions.assistants.tool_contract import complete_tools
from sovereign.assistants import AssistantSettings
from sovereign.http.contract.operation import Id, JsonObject, Moment, Operations, Resource, view

Assistant = view("Assistant", AssistantSettings, id=Id, created_at=Moment, updated_at=Moment)

_CREATE: JsonObject = {
    "name": "Receptionist",
    "first_message": "Riverside Dental, how can I help?",
    "llm_config": {
        "provider": "local",
        "model": "intents",
        "messages": [{"role": "system", "content": "You are the receptionist of Riverside Dental."}],
        "tools": [{"type": "end_call"}],
    },
}
_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "name": "Receptionist",
    "business_name": "Riverside Dental",
    "notification_email": None,
    "notification_emails": None,
    "first_message": "Riverside Dental, how can I help?",
    "is_active": True,
    "max_duration_seconds": 1800,
    "autonomous_silence_handling": False,
    "silence_timeout_seconds": 8,
    "voicemail_detection": False,
    "voicemail_message": None,
    "gdpr_mode": False,
    "recording_consent": None,
    "recording_enabled": False,
    "recording_notice": None,
    "ai_disclosure": "You are speaking with an AI assistant.",
    "webhook_url": "https://example.com/hook",
    "webhook_secret": "whsec_...9f3a",
    "webhook_events": ["tool-calls", "end-of-call-report"],
    "analysis_plan": None,
    "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
    "llm_config": {**_CREATE["llm_config"], "temperature": 0.7},
    "tts_config": {"provider": "local", "model": "hibari", "voice_id": "heart"},
    "speech_config": None,
    "metadata": {"branch": "north"},
    "postcall_stt": None,
    "postcall_llm": None,
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}


def _resource(plural: str, singular: str) -> Resource:
    return Resource(
        path=plural,
        parameter="assistant_id",
        plural=plural,
        singular=singular,
        shown=Assistant,
        example=_EXAMPLE,
        create=_CREATE,
        change={"first_message": "Good morning, Riverside Dental.", "notification_email": None},
        warns=True,
    )


OPERATIONS: Operations = {
    **_resource("assistants", "assistant").operations(),
    **_resource("agents", "agent").operations(),
}

COMPLETE = complete_tools
"""Called with the document's schemas: tools may be sent in more forms than they are stored in."""
