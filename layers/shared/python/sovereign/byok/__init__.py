"""An organization's own provider keys: kept in its secret, used instead of the platform's."""

from sovereign.byok.model import KeySettings, with_config, with_key, without_key
from sovereign.byok.offer import offered_providers
from sovereign.byok.vault import KeyVault

__all__ = ["KeySettings", "KeyVault", "offered_providers", "with_config", "with_key", "without_key"]
