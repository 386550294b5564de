"""The keys of speech and language providers: an organization's own (BYOK), else the platform's."""

from sovereign.provider_keys.addresses import base_urls
from sovereign.provider_keys.ring import KeyRing, ProviderKey

__all__ = ["KeyRing", "ProviderKey", "base_urls"]
