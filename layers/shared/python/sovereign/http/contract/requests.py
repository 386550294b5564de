"""Completes the request side of the document: examples, both spellings, members that may be sent back, and what is
checked in a second step."""

from collections.abc import Mapping

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
    models = {model.__name__: model for model in _request_models(RequestModel)}
    for path, item in document["paths"].items():
        for method, described in item.items():
            operation = operations[f"{method.upper()} {path}"]
            if "requestBody" in described:
                _complete(described["requestBody"]["content"][_JSON], operation, components, models)
    for name in models:
        if name in components:
            _add_spellings(components[name])


def _complete(
    content: JsonObject, operation: Operation, components: JsonObject, models: Mapping[str, type[RequestModel]]
) -> None:
    if operation.body is not None:
        content["schema"] = schema_of(operation.body, components)
    if operation.request is not None:
        content["example"] = operation.request
    name = str(content["schema"].get("$ref", "")).rpartition("/")[2]
    schema: JsonObject = components[name] if name in components else content["schema"]
    for member, kind in operation.members.items():
        schema["properties"][member] = schema_of(kind, components)
    schema |= operation.rules
    if name in models and (read_only := models[name].read_only):
        shown = _shown(schema_of(operation.answer, components), components)
        schema["properties"] |= {member: {**shown[member], "readOnly": True} for member in sorted(read_only)}


def _shown(answer: JsonObject, components: JsonObject) -> JsonObject:
    """The members of the object that an answer is, or has under its name."""
    wrapped = (member["$ref"] for member in answer["properties"].values() if "$ref" in member)
    name = next(wrapped, "").rpartition("/")[2]
    members: JsonObject = (components[name] if name else answer)["properties"]
    return members


def _request_models(base: type[RequestModel]) -> set[type[RequestModel]]:
    """All bodies, and the objects inside them that sort out spellings too."""
    return {model for kind in base.__subclasses__() for model in (kind, *_request_models(kind))}


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
