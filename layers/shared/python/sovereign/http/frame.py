"""What one function's app shares between requests; made on first use, so that importing a handler stays cheap."""

from functools import cached_property

from sovereign.api_keys import ApiKeyStore
from sovereign.http.authentication import Authenticator
from sovereign.http.environment import HttpEnvironment
from sovereign.http.idempotency import IdempotencyRecords
from sovereign.http.rate_limits import RateLimiter
from sovereign.kernel.clock import Clock
from sovereign.kernel.errors import UnavailableError
from sovereign.kernel.secrets import read_secret
from sovereign.kernel.settings import read_environment
from sovereign.kernel.table import Table


class Frame:
    """The table and what stands on it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @cached_property
    def table(self) -> Table:
        """The table named by TABLE_NAME."""
        return Table(read_environment(HttpEnvironment).table_name)

    @cached_property
    def authenticator(self) -> Authenticator:
        """Keys to callers."""
        return Authenticator(ApiKeyStore(self.table))

    @cached_property
    def rate_limiter(self) -> RateLimiter:
        """Requests a minute."""
        return RateLimiter(self.table, self._clock)

    @property
    def idempotency(self) -> IdempotencyRecords:
        """Idempotency records, keyed with the deployment's signing secret (cached by the reader of secrets)."""
        secret_id = read_environment(HttpEnvironment).signing_secret_id
        if secret_id is None:
            raise UnavailableError("idempotency keys are not set up in this deployment")
        return IdempotencyRecords(self.table, read_secret(secret_id), self._clock)
