"""Assistants: what speaks on a call, how it is saved, and which one a call runs with."""

from sovereign.assistants.effective import (
    Rejection,
    requested_assistant_id,
    saved,
    transient,
    with_answer,
    with_override,
)
from sovereign.assistants.model import Assistant, AssistantNotFoundError
from sovereign.assistants.settings import DEFAULT_AI_DISCLOSURE, AssistantChanges, AssistantMembers, AssistantSettings
from sovereign.assistants.store import AssistantStore, SavedAssistant
from sovereign.assistants.view import EffectiveAssistant

__all__ = [
    "DEFAULT_AI_DISCLOSURE",
    "Assistant",
    "AssistantChanges",
    "AssistantMembers",
    "AssistantNotFoundError",
    "AssistantSettings",
    "AssistantStore",
    "EffectiveAssistant",
    "Rejection",
    "SavedAssistant",
    "requested_assistant_id",
    "saved",
    "transient",
    "with_answer",
    "with_override",
]
