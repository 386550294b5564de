"""Which organizations have calls, and how far each was erased. Query, never Scan: the register is one partition."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sovereign.kernel.table import Attr, ConditionFailed, Put, Ref, Table, Update, absent

PARTITION = "RETENTION"


@dataclass(frozen=True)
class Progress:
    """The numbers of the last calls whose content and whose metadata were erased; 0 = none yet."""

    org_id: str
    content_number: int = 0
    metadata_number: int = 0


class RetentionRegister:
    """The register; an instance remembers whom it has noted, so that noting again costs nothing."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._noted: set[str] = set()

    def note(self, org_id: str) -> None:
        """Register an organization that has calls."""
        if org_id in self._noted:
            return
        pk, sk = _ref(org_id)
        item = {"pk": pk, "sk": sk, "org_id": org_id, "content_number": 0, "metadata_number": 0}
        with suppress(ConditionFailed):  # another process registered it
            self._table.put(Put(item, absent))
        self._noted.add(org_id)

    def organizations(self) -> Iterator[Progress]:
        """Every registered organization."""
        for item in self._table.query(PARTITION):
            yield Progress(item["org_id"], item["content_number"], item["metadata_number"])

    def advance(self, org_id: str, kind: str, number: int) -> None:
        """Remember that all calls up to `number` are erased; `kind` is `content` or `metadata`. Never goes back."""
        name = f"{kind}_number"
        try:
            self._table.update(Update(_ref(org_id), set={name: number}, condition=Attr(name).lt(number)))
        except ConditionFailed:
            return


def _ref(org_id: str) -> Ref:
    return Ref(PARTITION, f"ORG#{org_id}")
