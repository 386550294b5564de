"""The error file: a line for each row that did not become a lead, with its line in the file and the reason."""

import csv
import io

from sovereign.campaigns.items import campaign_pk
from sovereign.kernel.table import Delete, Ref, Table
from sovereign.lead_imports.files import ImportKey
from sovereign.lead_imports.items import errors_begin

_AT_ONCE = 100


class ErrorReport:
    """What an import left out, as it was stored piece by piece."""

    def __init__(self, table: Table, key: ImportKey) -> None:
        self._table = table
        self._pk = campaign_pk(key.org_id, key.campaign_id)
        self._begin = errors_begin(key.import_id)

    def as_csv(self) -> bytes:
        """The file, in the order of the lines. It holds nothing of what stands in them."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("line", "problem"))
        for item in self._table.query(self._pk, begins_with=self._begin, consistent=True):
            writer.writerows(item["rows"])
        return text.getvalue().encode()

    def remove(self) -> None:
        """Delete what the file holds now."""
        found = self._table.query(self._pk, begins_with=self._begin, consistent=True)
        keys = [Ref(item["pk"], item["sk"]) for item in found]
        for start in range(0, len(keys), _AT_ONCE):
            self._table.transact([Delete(key) for key in keys[start : start + _AT_ONCE]])
