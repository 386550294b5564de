"""`make openapi` writes `docs/openapi.json`; a unit test fails when that is not what the code generates."""

import json
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


if __name__ == "__main__":
    DOCUMENT.write_text(generate())
