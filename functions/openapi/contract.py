"""What `GET /openapi.json` answers."""

from typing import Any

from sovereign.http.contract.operation import Operation, Operations

OPERATIONS: Operations = {
    "GET /openapi.json": Operation(
        dict[str, Any], {"openapi": "3.1.0", "info": {"title": "Sovereign", "version": "0.1.0"}, "paths": {}}
    )
}
