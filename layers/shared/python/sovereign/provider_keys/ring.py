"""Reads provider keys from Secrets Manager: one secret per organization, one for the platform."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from sovereign.kernel.secrets import SecretMissingError, read_secret_members
from sovereign.kernel.settings import Environment, read_environment

MAX_AGE_SECONDS = 60.0
"""A new or withdrawn key is used everywhere after this long."""

_MAX_ORGANIZATIONS = 1024


class _Environment(Environment):
    secret_prefix: str
    platform_keys_secret_id: str | None = None


@dataclass(frozen=True)
class ProviderKey:
    """A key and whose it is: `byok` means the organization's own, which the platform does not pay for."""

    value: str = field(repr=False)
    byok: bool


@dataclass(frozen=True)
class _Cached:
    members: Mapping[str, str] = field(repr=False)
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
        if own := self._members(organization_secret_id(self._prefix, org_id)).get(provider):
            return ProviderKey(own, byok=True)
        platform = self._members(self._platform_secret_id).get(provider) if self._platform_secret_id else None
        return ProviderKey(platform, byok=False) if platform else None

    def _members(self, secret_id: str) -> Mapping[str, str]:
        """The secret's keys; none for an absent secret, which is remembered as well: most organizations have none."""
        now = self._now()
        cached = self._cache.get(secret_id)
        if cached is not None and now - cached.read_at < self._max_age:
            return cached.members
        try:
            members = read_secret_members(secret_id, max_age=0)
        except SecretMissingError:
            members = {}
        with self._lock:
            if len(self._cache) >= _MAX_ORGANIZATIONS:
                self._cache.clear()
            self._cache[secret_id] = _Cached(members, now)
        return members


def organization_secret_id(secret_prefix: str, org_id: str) -> str:
    """Name of the secret that holds an organization's own keys as a JSON object by provider."""
    return f"{secret_prefix}/organizations/{org_id}/provider-keys"
