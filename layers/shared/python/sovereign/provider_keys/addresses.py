"""Addresses that replace the vendors' own: a self-hosted service with the same protocol, or a stand-in in tests."""

from sovereign.kernel.settings import Environment, read_environment


class _Addresses(Environment):
    openai_base_url: str | None = None
    deepgram_base_url: str | None = None
    elevenlabs_base_url: str | None = None
    xai_base_url: str | None = None
    mistral_base_url: str | None = None
    google_base_url: str | None = None
    inworld_base_url: str | None = None
    gladia_base_url: str | None = None


def base_urls() -> dict[str, str]:
    """By provider name, from `<PROVIDER>_BASE_URL`; absent ones mean the vendor's own address."""
    given = read_environment(_Addresses)
    found = {name.removesuffix("_base_url"): getattr(given, name) for name in type(given).model_fields}
    return {provider: address for provider, address in found.items() if address}
