"""The keys of speech and language providers: an organization's own (BYOK), else the platform's."""

from sovereign.provider_keys.addresses import base_urls
from sovereign.provider_keys.ring import KeyRing, ProviderKey, organization_secret_id
from sovereign.provider_keys.stored import StoredKeys

__all__ = ["KeyRing", "ProviderKey", "StoredKeys", "base_urls", "organization_secret_id"]
