"""Where an organization's keys lie: one secret in Secrets Manager, changed by one request at a time.

Secrets Manager has no conditional write, so a lease in the table keeps two changes from losing one another.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from botocore.exceptions import ClientError

from sovereign.kernel import aws
from sovereign.kernel.clock import Clock, to_wire, utc_now
from sovereign.kernel.errors import ConflictError
from sovereign.kernel.ids import new_id
from sovereign.kernel.observe import logger
from sovereign.kernel.secrets import SecretMissingError, read_secret
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Attr, ConditionFailed, Ref, Table, Update
from sovereign.provider_keys.ring import organization_secret_id
from sovereign.provider_keys.stored import StoredKeys

LEASE_SECONDS = 30
"""No function behind the API runs longer, so an older lease belongs to a request that died."""

_FREE = "1970-01-01T00:00:00.000Z"
_log = logger()


class VaultEnvironment(Environment):
    """SECRET_PREFIX: what the names of this stage's secrets begin with."""

    secret_prefix: str


class KeyVault:
    """The keys of all organizations; every method works on those of the one named."""

    def __init__(self, table: Table, secret_prefix: str, *, clock: Clock = utc_now) -> None:
        self._table = table
        self._prefix = secret_prefix
        self._clock = clock

    @classmethod
    def from_environment(cls, table: Table) -> "KeyVault":
        """With SECRET_PREFIX."""
        return cls(table, read_environment(VaultEnvironment).secret_prefix)

    def read(self, org_id: str) -> StoredKeys:
        """The organization's keys as they are now (no request to the table)."""
        try:
            return StoredKeys.parse(read_secret(organization_secret_id(self._prefix, org_id), max_age=0))
        except SecretMissingError:
            return StoredKeys()

    def change(self, org_id: str, change: Callable[[StoredKeys], StoredKeys]) -> StoredKeys:
        """Replace the keys by what `change` makes of them, or let it refuse by raising (two requests to the table).

        Raises ConflictError while another request changes them.
        """
        with self._lease(org_id):
            stored = self.read(org_id)
            changed = change(stored)
            if changed != stored:
                self._write(org_id, changed)
        return changed

    def _write(self, org_id: str, keys: StoredKeys) -> None:
        secrets, name = aws.client("secretsmanager"), organization_secret_id(self._prefix, org_id)
        try:
            secrets.put_secret_value(SecretId=name, SecretString=keys.to_text())
        except ClientError as failure:
            if failure.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            secrets.create_secret(Name=name, SecretString=keys.to_text())

    @contextmanager
    def _lease(self, org_id: str) -> Iterator[None]:
        ref, holder, now = Ref(f"ORG#{org_id}", "PROVIDER_KEYS"), new_id(), self._clock()
        taken = {"holder": holder, "leased_until": to_wire(now + timedelta(seconds=LEASE_SECONDS))}
        free = Attr("leased_until").not_exists() | Attr("leased_until").lt(to_wire(now))
        try:
            self._table.update(Update(ref, set=taken, condition=free))
        except ConditionFailed as failure:
            raise ConflictError("Another request is changing these keys; try again.", retry_after=1) from failure
        try:
            yield
        finally:
            self._release(ref, holder)

    def _release(self, ref: Ref, holder: str) -> None:
        try:
            self._table.update(Update(ref, set={"leased_until": _FREE}, condition=Attr("holder").eq(holder)))
        except ConditionFailed:
            _log.warning("provider_keys_lease_lost")
