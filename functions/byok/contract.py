"""What the BYOK routes answer."""

from typing import Any, Literal

from typing_extensions import TypedDict

from sovereign.byok.offer import Category
from sovereign.http.contract.operation import JsonObject, Operation, Operations, envelope


class OfferedModel(TypedDict):
    """A model of a provider; `default` marks the one an assistant gets that names none."""

    id: str
    name: str
    default: bool


class OfferedProvider(TypedDict):
    """What a key can be brought for."""

    id: str
    name: str
    category: Category
    models: list[OfferedModel]
    configured: bool


class Stored(TypedDict):
    """The id of each provider's key, null where the platform's own is used."""

    success: Literal[True]
    byok_keys: dict[str, str | None]


_KEYS: JsonObject = {"byok_keys": {"openai_secret_id": "byok_3f1c6f0e8f0a", "deepgram_secret_id": None}}
_CONFIG: JsonObject = {"byok_config": {"openai": {"base_url": "https://llm.example.com/v1"}}}
_PROVIDER: JsonObject = {
    "id": "openai",
    "name": "OpenAI",
    "category": "llm",
    "models": [{"id": "gpt-5.4", "name": "gpt-5.4", "default": True}],
    "configured": True,
}

OPERATIONS: Operations = {
    "GET /byok": Operation(envelope(byok_keys=dict[str, str | None]), _KEYS),
    "POST /byok": Operation(
        Stored, {"success": True, **_KEYS}, request={"provider": "openai", "api_key": "sk-example"}
    ),
    "DELETE /byok": Operation(Stored, {"success": True, **_KEYS}, request={"provider": "openai"}, errors=(404,)),
    "GET /byok/config": Operation(
        envelope(providers=list[OfferedProvider], byok_config=dict[str, dict[str, Any]]),
        {"providers": [_PROVIDER], **_CONFIG},
    ),
    "POST /byok/config": Operation(
        envelope(byok_config=dict[str, dict[str, Any]]),
        _CONFIG,
        request={
            "provider": "openai",
            "config": {"base_url": "https://llm.example.com/v1"},
            "api_key": "sk-example",
        },
    ),
}
