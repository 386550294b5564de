"""Who is asking: a bearer key becomes a Caller, with a short cache so that most requests read no key."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from sovereign.api_keys import ApiKeyStore, KeyGrant
from sovereign.kernel.errors import ForbiddenError, UnauthorizedError
from sovereign.kernel.ids import API_KEY_PREFIX, api_key_hash

CACHE_SECONDS = 10.0
"""How long a revoked key or a new suspension may go unnoticed by an instance that has just seen the key."""

_CACHE_ENTRIES = 1000
_KEY = re.compile(rf"{API_KEY_PREFIX}[0-9a-f]{{40}}")


@dataclass(frozen=True)
class Caller:
    """The organization a request acts for, by which key, and that organization's parent."""

    org_id: str
    key_id: str
    parent_org_id: str | None = None


class SuspendedError(ForbiddenError):
    """The parent suspended the caller's organization (403)."""

    code = "organization_suspended"


class Authenticator:
    """Looks keys up by their hash. An unknown key is never cached: a new one works at once."""

    def __init__(self, store: ApiKeyStore, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._cache: OrderedDict[str, tuple[KeyGrant, float]] = OrderedDict()
        self._lock = Lock()

    def authenticate(self, authorization: str | None) -> KeyGrant:
        """The grant of an `Authorization` header. Raises UnauthorizedError, or SuspendedError."""
        scheme, _, api_key = (authorization or "").strip().partition(" ")
        api_key = api_key.strip()
        grant = self._find(api_key) if scheme.lower() == "bearer" and _KEY.fullmatch(api_key) else None
        if grant is None:
            raise UnauthorizedError("Invalid or missing API key")
        if grant.suspended:
            raise SuspendedError("this organization is suspended")
        return grant

    def _find(self, api_key: str) -> KeyGrant | None:
        digest = api_key_hash(api_key)
        now = self._monotonic()
        with self._lock:
            cached = self._cache.get(digest)
        if cached is not None and now < cached[1]:
            return cached[0]
        grant = self._store.find_grant(api_key)
        with self._lock:
            self._cache.pop(digest, None)
            if grant is not None:
                self._cache[digest] = (grant, now + CACHE_SECONDS)
            while len(self._cache) > _CACHE_ENTRIES:
                self._cache.popitem(last=False)
        return grant
