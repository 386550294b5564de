"""A customer's JSON Schema can neither fetch an address nor keep a process busy."""

import re
import socket
import threading
from typing import Any

import pytest

from sovereign.catalog.json_schema import check_schema
from sovereign.catalog.schema_validation import UnusableSchemaError, schema_problems
from sovereign.kernel.cpu_limit import CpuLimitError, within_cpu_seconds

DOUBLING = {f"a{level}": {"allOf": [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(40)}
BACKTRACKING = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Addresses that something tried to connect to or resolve."""
    tried: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        tried.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


def test_a_base_address_inside_the_schema_is_not_fetched(opened: list[object]) -> None:
    inner = {"allOf": [{"$id": "http://169.254.169.254/latest", "$ref": "#/y"}]}
    with pytest.raises(ValueError, match="a part that is not there"):
        check_schema({"$ref": "#/components/x", "components": {"x": inner}})
    assert opened == []


def test_a_base_address_is_not_fetched_while_a_value_is_checked(opened: list[object]) -> None:
    inner = {"allOf": [{"$id": "file:///etc/hostname", "$ref": "#/y"}]}
    schema = {"properties": {"p": {"$ref": "#/components/x"}}, "components": {"x": inner}}
    with pytest.raises(UnusableSchemaError, match="a part that is not there"):
        schema_problems(schema, {"p": 1})
    assert opened == []


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$defs": {**DOUBLING, "a40": {}}, "$ref": "#/$defs/a0"}, "too much work"),
        ({"$ref": "#"}, "too much work"),
        ({"pattern": "(?:" * 2000 + "a" + ")" * 2000}, "too complex"),
        ({"pattern": "a{99999999999999999999}"}, "too complex"),
        ({"properties": {"x": {"$schema": "http://json-schema.org/draft-07/schema#"}}}, "only at its top"),
    ],
)
def test_a_schema_that_would_keep_the_api_busy_is_refused(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_schema(schema)


def test_references_that_double_below_a_member_are_stopped_when_a_value_is_checked() -> None:
    schema = {"$defs": {**DOUBLING, "a40": {}}, "properties": {"x": {"$ref": "#/$defs/a0"}}}
    assert check_schema(schema) is schema
    with pytest.raises(UnusableSchemaError, match="too much work"):
        schema_problems(schema, {"x": 1})


def test_an_endless_reference_below_a_member_is_stopped_when_a_value_is_checked() -> None:
    schema = {"properties": {"x": {"$ref": "#/properties/x"}}}
    with pytest.raises(UnusableSchemaError, match="too much work"):
        schema_problems(check_schema(schema), {"x": 1})


def test_a_pattern_that_backtracks_is_interrupted() -> None:
    with pytest.raises(UnusableSchemaError, match="too much work"):
        schema_problems(BACKTRACKING, {"x": "a" * 60 + "b"})
    assert schema_problems(BACKTRACKING, {"x": "aaa"}) == []


def test_problems_are_named_by_place_and_cut() -> None:
    schema = {"properties": {"list": {"items": {"type": "integer"}}, "text": {"const": "a" * 5000}}}
    problems = schema_problems(schema, {"list": ["no"] * 500, "text": "b"})
    assert len(problems) == 100
    assert problems[0].startswith("$.list[0]: 'no' is not of type 'integer'")
    assert max(map(len, schema_problems(schema, {"text": "b"}))) < 350


def test_a_dialect_named_at_the_top_and_a_recursive_schema_are_usable() -> None:
    tree = {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"children": {"items": {"$ref": "#"}}}}
    assert schema_problems(check_schema(tree), {"children": [{"children": [{"children": []}]}]}) == []
    assert schema_problems({**tree, "required": ["children"]}, {"children": [{}]}) == [
        "$.children[0]: 'children' is a required property"
    ]


def test_the_processor_limit_gives_the_result_back_and_is_off_in_other_threads() -> None:
    assert within_cpu_seconds(5, lambda: 7) == 7
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(within_cpu_seconds(0.001, lambda: sum(range(10**6)))))
    thread.start()
    thread.join()
    assert results == [sum(range(10**6))]
    with pytest.raises(CpuLimitError):
        within_cpu_seconds(0.02, lambda: re.search("^(a+)+$", "a" * 60 + "b"))
