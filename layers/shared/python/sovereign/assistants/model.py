"""The assistant: its document, how it is created and changed, and what must hold across its members."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sovereign.assistants.json_values import to_json
from sovereign.assistants.rotation import ReplacedToken
from sovereign.assistants.sealed import Document, Owner, Sealed
from sovereign.assistants.settings import AssistantChanges, AssistantMembers, AssistantSettings
from sovereign.catalog.base import ProviderConfig
from sovereign.catalog.registry import LLM_CONFIGS
from sovereign.catalog.speech import SpeechConfig
from sovereign.kernel.clock import to_wire
from sovereign.kernel.errors import BodyTooLargeError, NotFoundError
from sovereign.kernel.references import Reference

KIND = "ASSISTANT"
MAX_BYTES = 350 * 1024
"""Of a whole assistant as JSON; `seal` bounds what it takes with its secrets encrypted."""

PROVIDER_MEMBERS = ("llm_config", "stt_config", "tts_config")


class AssistantNotFoundError(NotFoundError):
    """The organization has no such assistant."""

    def __init__(self) -> None:
        super().__init__("No such assistant.")


@dataclass(frozen=True)
class Assistant:
    """A saved assistant. `sealed.document` holds every writable member as JSON values, secrets masked."""

    id: str
    org_id: str
    sealed: Sealed
    version: int
    created_at: datetime
    updated_at: datetime
    replaced_webhook_secret: ReplacedToken | None = None

    @property
    def document(self) -> Document:
        """The writable members as clients see them."""
        return self.sealed.document

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.document["name"])

    @property
    def business_name(self) -> str | None:
        """Whom it speaks for."""
        return self.document.get("business_name")

    @property
    def is_active(self) -> bool:
        """Whether its calls are answered."""
        return bool(self.document["is_active"])

    @property
    def owner(self) -> Owner:
        """The context its secrets are encrypted in."""
        return owner_of(self.org_id, self.id)

    def public(self) -> dict[str, Any]:
        """As responses show it."""
        times = {"created_at": to_wire(self.created_at), "updated_at": to_wire(self.updated_at)}
        return {"id": self.id, **self.document, **times}


def owner_of(org_id: str, assistant_id: str) -> Owner:
    """The context in which an assistant's secrets are encrypted."""
    return Owner(org_id, f"assistant/{assistant_id}")


def new_document(settings: AssistantSettings, defaults: Mapping[str, Any]) -> Document:
    """The document of a new assistant; configurations left out come from `defaults`."""
    return _completed({"name": settings.name, **to_document(settings)}, defaults)


def changed_document(stored: Document, changes: AssistantChanges, defaults: Mapping[str, Any]) -> Document:
    """The stored document with the members that were sent; a nested object replaces the stored one whole."""
    sent = {name: value for name, value in to_document(changes).items() if name in changes.model_fields_set}
    if "name" in changes.model_fields_set:
        sent["name"] = changes.name
    return _completed({**stored, **sent}, defaults)


def to_document(members: BaseModel, names: Iterable[str] | None = None) -> Document:
    """The members as JSON values, in the form in which they are stored; `name` apart."""
    wanted = type(members).model_fields if names is None else names
    return {name: _json_value(getattr(members, name)) for name in wanted if name != "name"}


def _json_value(value: Any) -> Any:
    if isinstance(value, ProviderConfig | SpeechConfig):
        return value.stored()
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value


def _completed(document: Document, defaults: Mapping[str, Any]) -> Document:
    """Fill the configurations that are needed and missing; a speech-to-speech model has no recogniser nor voice."""
    for name in PROVIDER_MEMBERS:
        if document[name] is None:
            document[name] = _default(name, defaults)
    if is_realtime_document(document):
        document |= {"stt_config": None, "tts_config": None}
    if len(to_json(document).encode()) > MAX_BYTES:
        raise BodyTooLargeError(f"An assistant may be at most {MAX_BYTES} bytes as JSON.")
    return document


def _default(name: str, defaults: Mapping[str, Any]) -> Any:
    return _json_value(getattr(AssistantMembers.model_validate({name: defaults[name]}), name))


def is_realtime_document(document: Mapping[str, Any]) -> bool:
    """Whether the document's model hears and speaks by itself."""
    config = document.get("llm_config")
    return config is not None and LLM_CONFIGS[config["provider"]].kind == "realtime"


def warnings_of(members: AssistantMembers, document: Document) -> list[str]:
    """What was accepted but has no effect, one line per member."""
    lines = [
        f"{name}.{member}: has no effect with provider {config.provider}"
        for name in (*PROVIDER_MEMBERS, "postcall_stt", "postcall_llm")
        if isinstance(config := getattr(members, name), ProviderConfig)
        for member in config.ignored
    ]
    unused = [name for name in ("stt_config", "tts_config") if getattr(members, name) and document[name] is None]
    return lines + [f"{name}: not used with a realtime model, stored as null" for name in unused]


def references_of(document: Mapping[str, Any]) -> list[Reference]:
    """Other resources of the organization that the document names."""
    tools = (document.get("llm_config") or {}).get("tools", [])
    references = [reference for place, tool in enumerate(tools) if (reference := _tool_reference(place, tool))]
    plan = (document.get("analysis_plan") or {}).get("structured_data_plan") or {}
    if template := plan.get("template_id"):
        path = "analysis_plan.structured_data_plan.template_id"
        references.append(Reference("ANALYSIS_TEMPLATE", template.lower(), path))
    return references


def _tool_reference(place: int, tool: Mapping[str, Any]) -> Reference | None:
    if tool.get("type") == "mcp":
        return Reference("MCP_SERVER", tool["mcp_server_id"].lower(), f"llm_config.tools[{place}].mcp_server_id")
    if tool.get("type") == "template":
        return Reference("TOOL_TEMPLATE", tool["template_id"].lower(), f"llm_config.tools[{place}].template_id")
    return None
