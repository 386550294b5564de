"""`make openapi` writes `docs/openapi.json`; with `--check` (in `make check`) it fails when that is not up to date."""

import difflib
import json
import sys
from importlib import import_module

from infra.paths import REPOSITORY
from infra.resources import API_RESOURCES
from sovereign import __version__
from sovereign.http.contract.document import build
from sovereign.http.contract.operation import Operation

DOCUMENT = REPOSITORY / "docs" / "openapi.json"


def generate() -> str:
    """The document as text, in an order that does not change from run to run."""
    names = [row.name for row in API_RESOURCES]
    contracts = [import_module(f"functions.{name}.contract") for name in names]
    operations: dict[str, Operation] = {}
    for contract in contracts:
        operations |= contract.OPERATIONS
    document = build([import_module(f"functions.{name}.router").router for name in names], operations, __version__)
    for contract in contracts:
        if complete := getattr(contract, "COMPLETE", None):
            complete(document["components"]["schemas"])
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Returns the exit status."""
    text = generate()
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(text)
        return 0
    stored = DOCUMENT.read_text() if DOCUMENT.is_file() else ""
    if stored == text:
        return 0
    difference = difflib.unified_diff(stored.splitlines(), text.splitlines(), "docs/openapi.json", "the code", n=1)
    sys.stderr.write("\n".join([*list(difference)[:60], "docs/openapi.json is not up to date: run make openapi", ""]))
    return 1


if __name__ == "__main__":
    sys.exit(main())
