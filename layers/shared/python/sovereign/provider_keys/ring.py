"""Reads provider keys from Secrets Manager: one secret per organization, one for the platform."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from sovereign.kernel.secrets import SecretMissingError, read_secret
from sovereign.kernel.settings import Environment, read_environment
from sovereign.provider_keys.stored import StoredKeys

MAX_AGE_SECONDS = 60.0
"""A new or withdrawn key is used everywhere after this long."""

_MAX_ORGANIZATIONS = 1024


class _Environment(Environment):
    secret_prefix: str
    platform_keys_secret_id: str | None = None


@dataclass(frozen=True)
class ProviderKey:
    """A key and whose it is: `byok` means the organization's own, which the platform does not pay for.

    `base_url` is the address the organization gave for its own key: a customer's, so to be reached through the egress
    guard only. None means the vendor's, or what the deployment puts in its place.
    """

    value: str = field(repr=False)
    byok: bool
    base_url: str | None = None


@dataclass(frozen=True)
class _Cached:
    stored: StoredKeys
    read_at: float


class KeyRing:
    """The keys an organization may use. Thread-safe; blocks on the first read and once a minute after."""

    def __init__(
        self,
        secret_prefix: str,
        platform_secret_id: str | None = None,
        *,
        max_age: float = MAX_AGE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = secret_prefix
        self._platform_secret_id = platform_secret_id
        self._max_age = max_age
        self._now = now
        self._cache: dict[str, _Cached] = {}
        self._lock = Lock()

    @classmethod
    def from_environment(cls) -> "KeyRing":
        """With SECRET_PREFIX and PLATFORM_KEYS_SECRET_ID."""
        environment = read_environment(_Environment)
        return cls(environment.secret_prefix, environment.platform_keys_secret_id)

    def key(self, org_id: str, provider: str) -> str | None:
        """The key for a provider's slot (`openai`, `deepgram`, ...), None when neither has one."""
        found = self.lookup(org_id, provider)
        return found.value if found else None

    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        """As `key`, with whose it is."""
        own = self._stored(organization_secret_id(self._prefix, org_id))
        if key := own.keys.get(provider):
            return ProviderKey(key, byok=True, base_url=own.base_url(provider))
        platform = self._stored(self._platform_secret_id).keys.get(provider) if self._platform_secret_id else None
        return ProviderKey(platform, byok=False) if platform else None

    def _stored(self, secret_id: str) -> StoredKeys:
        """The secret's keys; none for an absent secret, which is remembered as well: most organizations have none."""
        now = self._now()
        cached = self._cache.get(secret_id)
        if cached is not None and now - cached.read_at < self._max_age:
            return cached.stored
        try:
            stored = StoredKeys.parse(read_secret(secret_id, max_age=0))
        except SecretMissingError:
            stored = StoredKeys()
        with self._lock:
            if len(self._cache) >= _MAX_ORGANIZATIONS:
                self._cache.clear()
            self._cache[secret_id] = _Cached(stored, now)
        return stored


def organization_secret_id(secret_prefix: str, org_id: str) -> str:
    """Name of the secret that holds an organization's own keys (`StoredKeys`)."""
    return f"{secret_prefix}/organizations/{org_id}/provider-keys"
