"""Completes the request side of the document: examples, both spellings, and what is checked in a second step."""

from sovereign.http.contract.operation import JsonObject, Operation, Operations, schema_of
from sovereign.http.models import RequestModel
from sovereign.kernel.spellings import synonyms_of

_JSON = "application/json"

IDEMPOTENCY_KEY: JsonObject = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body within 24 hours gets the stored response; nothing happens twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def complete_requests(document: JsonObject, operations: Operations) -> None:
    """Fill in the bodies of all operations."""
    components = document["components"]["schemas"]
    document["components"]["parameters"] = {"IdempotencyKey": IDEMPOTENCY_KEY}
    for path, item in document["paths"].items():
        for method, described in item.items():
            operation = operations[f"{method.upper()} {path}"]
            if "requestBody" in described:
                _complete(described["requestBody"]["content"][_JSON], operation, components)
    for name in _request_models(RequestModel):
        if name in components:
            _add_spellings(components[name])


def _complete(content: JsonObject, operation: Operation, components: JsonObject) -> None:
    if operation.body is not None:
        content["schema"] = schema_of(operation.body, components)
    if operation.request is not None:
        content["example"] = operation.request
    name = str(content["schema"].get("$ref", "")).rpartition("/")[2]
    schema: JsonObject = components[name] if name in components else content["schema"]
    for member, kind in operation.members.items():
        schema["properties"][member] = schema_of(kind, components)
    schema |= operation.rules


def _request_models(base: type[RequestModel]) -> set[str]:
    """The names of all bodies, and of the objects inside them that sort out spellings too."""
    return {name for kind in base.__subclasses__() for name in (kind.__name__, *_request_models(kind))}


def _add_spellings(schema: JsonObject) -> None:
    """Deprecated names of a body's members; a required member may come under any of its names."""
    properties, required = schema["properties"], schema.get("required", [])
    for name in list(properties):
        others = synonyms_of(name)
        for other in others:
            if other not in properties:
                properties[other] = {**properties[name], "deprecated": True, "description": f"As `{name}`."}
        if others and name in required:
            required.remove(name)
            schema.setdefault("allOf", []).append({"anyOf": [{"required": [spelled]} for spelled in (name, *others)]})
