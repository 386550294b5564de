"""Bodies of the assistant routes."""

from typing import ClassVar

from pydantic import ConfigDict

from sovereign.assistants import AssistantChanges, AssistantSettings
from sovereign.http import RequestModel


class AssistantCreate(RequestModel, AssistantSettings):
    """A new assistant: only `name` is required."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case


class AssistantPatch(RequestModel, AssistantChanges):
    """Members to change; a null clears, a nested object replaces the stored one whole."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset({"id", "created_at", "updated_at"})
