"""Assembles the OpenAPI document: FastAPI's view of routes and request models, completed from the contracts."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from sovereign.http.admission import LINK_PARAMETER
from sovereign.http.app import BASE_PATH, create_app
from sovereign.http.contract.failures import HEADERS, RATE_HEADERS, error_schema, name_of, responses, statuses
from sovereign.http.contract.operation import JsonObject, Operation, Operations, schema_of
from sovereign.http.contract.requests import complete_requests

_SUCCESS = "200", "201", "302"
_DESCRIPTION = """Voice-AI phone agents on your own AWS account.

`PATCH` changes only the members that are sent; an explicit null clears a nullable one, and a nested object replaces the
stored one whole. Read-only members may be sent back unchanged. Secrets are shown masked; a mask sent back leaves the
value as it is. Of two spellings of one member send either, or both with the same value. Times are ISO 8601 UTC with
milliseconds, phone numbers E.164.
"""


_LINKS: JsonObject = {
    "SignedLink": {
        "type": "apiKey",
        "in": "query",
        "name": LINK_PARAMETER,
        "description": "The token of a link this API gave out; good for one object and a limited time.",
    }
}


class ContractError(Exception):
    """Routes and contracts do not fit together; the message names the operations."""


def build(routers: Sequence[APIRouter], operations: Operations, version: str) -> JsonObject:
    """The whole document. Raises ContractError when a route has no contract, or a contract no route."""
    document = get_openapi(
        title="Sovereign",
        version=version,
        description=_DESCRIPTION,
        routes=create_app(*routers).routes,
        separate_input_output_schemas=False,
    )
    document["servers"] = [{"url": BASE_PATH}]
    components = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    document["paths"] = {path.removeprefix(BASE_PATH): item for path, item in document["paths"].items()}
    _check_complete(document, operations)
    complete_requests(document, operations)
    for method, path, described in _operations(document):
        _complete(described, operations[f"{method} {path}"], components, method, path)
    _link(document, operations)
    components["Error"] = error_schema()
    document["components"] |= {
        "responses": responses(),
        "headers": HEADERS,
        "securitySchemes": {"ApiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "fl_live_…"}, **_LINKS},
    }
    document["security"] = [{"ApiKey": []}]
    return document


def _check_complete(document: JsonObject, operations: Operations) -> None:
    routed = {f"{method} {path}" for method, path, _ in _operations(document)}
    if differing := sorted(routed ^ operations.keys()):
        raise ContractError(f"in the routers or in the contracts only: {', '.join(differing)}")


def _operations(document: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    for path, item in document["paths"].items():
        for method, described in item.items():
            yield method.upper(), path, described


def _complete(described: JsonObject, operation: Operation, components: JsonObject, method: str, path: str) -> None:
    public = described.get("security") == []
    failing = statuses(public=public, method=method, has_id="{" in path, extra=operation.errors)
    success = next(status for status in described["responses"] if status in _SUCCESS)
    described["responses"] = {success: _answer(operation, components, method)} | {
        str(status): {"$ref": f"#/components/responses/{name_of(status)}"} for status in failing
    }
    if operation.unavailable_answer:
        described["responses"]["503"] = _answer(operation, components, method)
    if method == "POST" and not public:
        described.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})


def _answer(operation: Operation, components: JsonObject, method: str) -> JsonObject:
    if operation.redirects_to:
        return _redirect(operation.redirects_to)
    names = (*RATE_HEADERS, "Idempotent-Replayed") if method == "POST" else RATE_HEADERS
    content = {"schema": schema_of(operation.answer, components), "example": operation.example}
    return {
        "description": "Done.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {"application/json": content},
    }


def _redirect(where: str) -> JsonObject:
    location = {"description": where, "required": True, "schema": {"type": "string", "format": "uri"}}
    limits = {name: {"$ref": f"#/components/headers/{name}"} for name in RATE_HEADERS}
    return {"description": "To be fetched there.", "headers": {"Location": location, **limits}}


def _link(document: JsonObject, operations: Operations) -> None:
    """Tell for each creation which operations take the new object's id."""
    for method, path, described in _operations(document):
        pointer = operations[f"{method} {path}"].created
        if pointer is None:
            continue
        success = next(status for status in described["responses"] if status in _SUCCESS)
        links = _links_below(document, path.removesuffix("/outbound"), pointer)
        described["responses"][success]["links"] = links


def _links_below(document: JsonObject, path: str, pointer: str) -> JsonObject:
    """One link for each operation under `<path>/{id}` whose only other parameter is that id."""
    links: JsonObject = {}
    for method, below, described in _operations(document):
        if not below.startswith(path + "/{") or below.count("{") != 1 + path.count("{"):
            continue
        parameter = below[len(path) + 2 :].partition("}")[0]
        parents = {
            given["name"]: f"$request.path.{given['name']}"
            for given in described["parameters"]
            if given.get("in") == "path" and given["name"] != parameter
        }
        links[f"{method.lower()}_{described['operationId']}"] = {
            "operationId": described["operationId"],
            "parameters": {**parents, parameter: f"$response.body#{pointer}"},
        }
    return links
