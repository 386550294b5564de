"""Which providers an organization can bring keys for, and what each offers, out of the catalogue. Pure."""

from collections.abc import Collection
from typing import Any, Literal

from sovereign.catalog.registry import BYOK_PROVIDERS, Provider, Section, providers

Category = Literal["llm", "realtime", "stt", "tts", "email"]
_SECTIONS: tuple[Section, ...] = ("llm", "stt", "tts")
_NAMES = {
    "deepgram": "Deepgram",
    "openai": "OpenAI",
    "elevenlabs": "ElevenLabs",
    "inworld": "Inworld",
    "resend": "Resend",
    "xai": "xAI",
    "gladia": "Gladia",
    "mistral": "Mistral",
    "google": "Google Gemini API",
    "google_vertex": "Google Vertex AI",
}
_EMAIL = frozenset({"resend"})


def offered_providers(configured: Collection[str]) -> list[dict[str, Any]]:
    """One entry per slot and category, in the catalogue's order; `configured` are the slots that have a key.

    `models[].default` marks the model an assistant gets that names none.
    """
    offers = _offers()
    return [
        {
            "id": slot,
            "name": _NAMES[slot],
            "category": category,
            "models": models,
            "configured": slot in configured,
        }
        for slot in BYOK_PROVIDERS
        for category, models in (offers.get(slot) or {"email": []}).items()
    ]


def _offers() -> dict[str, dict[Category, list[dict[str, Any]]]]:
    offers: dict[str, dict[Category, list[dict[str, Any]]]] = {}
    for section in _SECTIONS:
        for provider in providers(section):
            category: Category = "realtime" if provider.kind == "realtime" else section  # type: ignore[assignment]
            for model in provider.models or (None,):
                for slot in _slots(provider, model):
                    models = offers.setdefault(slot, {}).setdefault(category, [])
                    if model:
                        models.append({"id": model, "name": model, "default": model == provider.default_model})
    return offers


def _slots(provider: Provider, model: str | None) -> tuple[str, ...]:
    # which key a model needs is known to the configuration only, and may depend on nothing but the model
    members: dict[str, Any] = {"provider": provider.name} | ({"model": model} if model else {})
    config = provider.config.model_construct(**members)
    slots: tuple[str, ...] = config.secret_slots  # type: ignore[attr-defined]  # every config of these sections has it
    return slots
