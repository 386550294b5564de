"""What a body must be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign.http.bodies import MAX_DEPTH, body_problem
from sovereign.kernel.errors import InvalidRequestError, UnsupportedMediaTypeError

JSON = "application/json"


@pytest.mark.parametrize(
    "content_type", [JSON, "application/json; charset=utf-8", "Application/JSON", "application/x+json"]
)
def test_json_types_are_taken(content_type: str) -> None:
    assert body_problem(content_type, b'{"a": 1}') is None


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "text/json", "+json"])
def test_other_types_are_415(content_type: str) -> None:
    assert isinstance(body_problem(content_type, b"{}"), UnsupportedMediaTypeError)


def test_empty_body_needs_no_type() -> None:
    assert body_problem("", b"") is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "not valid JSON"),
        ('{"a": 1}'.encode("utf-16-le"), "not valid JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "twice"),
        (b'{"a": 1, "\\u0061": 1}', "twice"),
        *[(word, "not a JSON number") for word in (b"NaN", b"[Infinity]", b'{"a": -Infinity}')],
        *[(number, "range") for number in (b"1e999", b"-1e999", b"1e126", b"1e-200")],
        *[(number, "38 digits") for number in (b"1" + b"0" * 38, b"-" + b"9" * 39, b"9" * 100_000)],
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff x": 1}', "surrogate"),
        (b'["a\\u0000b"]', "NUL"),
        (b'"a\x00b"', "not valid JSON"),
        (b"[" * 65 + b"]" * 65, "deeper"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "deeper"),
        (b"[" * 100_000, "deeper"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deeper"),
    ],
)
def test_broken_body_is_400_and_says_why(body: bytes, says: str) -> None:
    problem = body_problem(JSON, body)
    assert isinstance(problem, InvalidRequestError)
    assert says in str(problem)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b"[" + b"[]," * 100 + b"[]]",
        b"9" * 38,
        b"[0, 0.0, 1e125, 1e-130, -1.5]",
        '"\\ud83d\\ude00 \u2028 é"'.encode(),
        b"true",
    ],
)
def test_good_body_passes(body: bytes) -> None:
    assert body_problem(JSON, body) is None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**37), 10**37)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda children: (
        st.lists(children)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), children)
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_ordinary_document_passes(document: object) -> None:
    assert body_problem(JSON, json.dumps(document).encode()) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_either_fine_or_a_client_error(body: bytes) -> None:
    problem = body_problem(JSON, body)
    assert problem is None or isinstance(problem, InvalidRequestError)
