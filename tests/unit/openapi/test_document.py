"""The committed contract: complete, true to the code, and its examples are real."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from infra.resources import API_RESOURCES
from infra.tools.openapi import DOCUMENT, generate
from sovereign.http.errors import STATUS
from sovereign.kernel.masking import masked

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(DOCUMENT.read_text())  # type: ignore[no-any-return]


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return list(operations_of(document))


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    whole = Resource(contents=document, specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:document", whole)
    return Draft202012Validator(
        {"$ref": "urn:document" + schema["$ref"]} if "$ref" in schema else resolved(schema), registry=registry
    )


def resolved(schema: Any) -> Any:
    """The schema with its references made absolute, so that it can stand alone."""
    if isinstance(schema, list):
        return [resolved(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: "urn:document" + value if name == "$ref" else resolved(value) for name, value in schema.items()}


def test_the_committed_document_is_what_the_code_generates() -> None:
    assert DOCUMENT.read_text() == generate(), "run make openapi"


def test_every_operation_has_a_unique_id_a_summary_a_tag_and_a_description(operations: list[Operation]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations]

    assert len(set(ids)) == len(ids)
    lacking = [
        (method, path, member)
        for method, path, operation in operations
        for member in ("summary", "tags", "description")
        if not operation.get(member)
    ]
    assert lacking == []


def test_every_operation_tells_its_failures(operations: list[Operation]) -> None:
    for method, path, operation in operations:
        told = set(operation["responses"])
        assert {"400", "413", "415", "500", "503"} <= told, (method, path)
        if operation.get("security") != []:
            assert {"401", "403", "429"} <= told, (method, path)
        if "{" in path:
            assert "404" in told, (method, path)


def test_only_statuses_of_the_error_table_are_told(document: dict[str, Any]) -> None:
    told = {int(name.removeprefix("Error")) for name in document["components"]["responses"]}

    assert told <= {*STATUS.values(), 500}
    assert {*STATUS.values()} - {405} <= told


def test_every_answer_has_an_example_that_fits_its_schema(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    for method, path, operation in operations:
        success = next(status for status in operation["responses"] if status.startswith(("2", "3")))
        if success == "302":
            assert operation["responses"][success]["headers"]["Location"]["required"], (method, path)
            continue
        content = operation["responses"][success]["content"]["application/json"]
        problems = [e.message for e in validator(document, content["schema"]).iter_errors(content["example"])]
        assert problems == [], (method, path)


def test_every_body_has_an_example_that_fits_its_schema(document: dict[str, Any], operations: list[Operation]) -> None:
    for method, path, operation in operations:
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            problems = [e.message for e in validator(document, content["schema"]).iter_errors(content["example"])]
            assert problems == [], (method, path)


def example_of(operation: dict[str, Any]) -> Any:
    success = next(status for status in operation["responses"] if status.startswith("2"))
    return operation["responses"][success]["content"]["application/json"]["example"]


def test_an_object_as_it_is_shown_fits_the_schema_of_its_change(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    changed = [(path, operation) for method, path, operation in operations if method == "PATCH"]
    for path, operation in changed:
        example = example_of(operation)
        shown = next(iter(example.values())) if len(example) == 1 else example
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert [error.message for error in validator(document, schema).iter_errors(shown)] == [], path
        read_only = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]["updated_at"]
        assert (read_only["readOnly"], read_only["format"]) == (True, "date-time"), path


def test_secrets_in_the_examples_of_what_is_read_are_masks(operations: list[Operation]) -> None:
    for method, path, operation in operations:
        if method in {"GET", "PATCH"} and "302" not in operation["responses"]:
            assert masked(example_of(operation)) == example_of(operation), (method, path)


def test_every_error_example_fits_the_error_schema(document: dict[str, Any]) -> None:
    check = validator(document, {"$ref": "#/components/schemas/Error"})

    for name, response in document["components"]["responses"].items():
        assert list(check.iter_errors(response["content"]["application/json"]["example"])) == [], name


def test_unknown_members_are_refused_in_every_body(document: dict[str, Any], operations: list[Operation]) -> None:
    for method, path, operation in operations:
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            example = operation["requestBody"]["content"]["application/json"]["example"]
            assert not validator(document, schema).is_valid({**example, "no_such_member": 1}), (method, path)


def test_deprecated_spellings_are_told_as_deprecated(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["NumberCreate"]["properties"]["assistant_id"]["deprecated"] is True
    assert schemas["OutboundRequest"]["properties"]["agent"]["deprecated"] is True
    for name in ("agent_id", "assistant_id"):
        body = {
            "name": "x",
            name: "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
            "schedule_start_time": "09:00",
            "schedule_end_time": "17:00",
            "timezone": "UTC",
        }
        assert validator(document, {"$ref": "#/components/schemas/CampaignCreate"}).is_valid(body), name


def test_bounds_are_the_catalogues(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["OpenAiLlm"]["properties"]["temperature"] | {"title": ""} == {
        "default": 0.7, "maximum": 2.0, "minimum": 0.0, "title": "", "type": "number",
    }  # fmt: skip
    assert "gpt-5.4" in schemas["OpenAiLlm"]["properties"]["model"]["enum"]


def test_what_a_dial_says_first_is_bounded_as_an_assistants(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    first, own = (schemas[name]["properties"]["first_message"] for name in ("OutboundRequest", "CallMembers"))

    assert first["anyOf"] == own["anyOf"] == [{"maxLength": 1000, "type": "string"}, {"type": "null"}]


def test_a_creation_links_to_what_can_be_done_with_the_new_object(document: dict[str, Any]) -> None:
    links = document["paths"]["/numbers"]["post"]["responses"]["201"]["links"]

    assert {link["operationId"] for link in links.values()} == {"get_number", "update_number", "delete_number"}
    assert links["get_get_number"]["parameters"] == {"number_id": "$response.body#/number/id"}


def test_no_handler_imports_its_contract() -> None:
    for row in API_RESOURCES:
        router = import_module(f"functions.{row.name}.router")
        assert not any("contract" in name for name in vars(router)), row.name


def test_every_public_operation_says_so(operations: list[Operation]) -> None:
    public = {path for _, path, operation in operations if operation.get("security") == []}

    assert public == {"/health", "/openapi.json"}
