"""Writes that are committed together, each with what it means when its condition does not hold."""

from collections.abc import Callable, Sequence

from sovereign.kernel.errors import ConflictError, InvalidRequestError
from sovereign.kernel.table import ConditionFailed, Item, Table, Write

MAX_WRITES = 100
"""What DynamoDB takes in one transaction."""

Meaning = Callable[[Item | None], Exception]
"""Makes the error of a failed condition from the item that stood in the way (None when there was none)."""


class UnitOfWork:
    """Collects writes for one transaction. At most 100; a write without a meaning fails as a plain conflict."""

    def __init__(self) -> None:
        self._writes: list[Write] = []
        self._meanings: list[Meaning] = []

    def add(self, *writes: Write, otherwise: Meaning | None = None) -> None:
        """Add writes; `otherwise` makes the error when the condition of one of them fails."""
        self._writes.extend(writes)
        self._meanings.extend([otherwise or _changed] * len(writes))

    @property
    def writes(self) -> Sequence[Write]:
        """What would be committed, in order."""
        return tuple(self._writes)

    def commit(self, table: Table) -> None:
        """Apply all or none in one request.

        Raises the meaning of the first condition that failed; InvalidRequestError when more changes than fit into one.
        """
        if len(self._writes) > MAX_WRITES:
            raise InvalidRequestError(details=["body: changes too many references at once; change some of them first"])
        try:
            table.transact(self._writes)
        except ConditionFailed as failure:
            raise self._meanings[failure.index](failure.old) from failure


def _changed(_old: Item | None) -> Exception:
    return ConflictError("The object was changed by another request at the same time; read it and try again.")
