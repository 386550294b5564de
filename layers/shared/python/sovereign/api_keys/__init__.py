"""API keys: what a client authenticates with. Stored as a hash, shown once."""

from sovereign.api_keys.model import ApiKey, KeyGrant
from sovereign.api_keys.store import ApiKeyStore

__all__ = ["ApiKey", "ApiKeyStore", "KeyGrant"]
