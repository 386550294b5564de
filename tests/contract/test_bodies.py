"""What is refused before any route looks at a body, on every route that takes one."""

import json

import pytest

from tests.contract.client import Api
from tests.contract.resources import BODY_ROUTES

each_route = pytest.mark.parametrize(("method", "path"), BODY_ROUTES, ids=lambda part: str(part)[:24])
JSON = {"Content-Type": "application/json"}


@each_route
def test_bodies_over_one_mebibyte_are_413(method: str, path: str, api: Api) -> None:
    body = json.dumps({"name": "x" * 1024 * 1024})
    answer = api.send(method, path, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("megabytes", [2, 10, 11])
def test_huge_bodies_are_413(megabytes: int, api: Api) -> None:
    answer = api.send("POST", "/assistants", content=b" " * megabytes * 1024 * 1024, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_body_of_exactly_one_mebibyte_is_read(api: Api) -> None:
    body = b'{"name":""' + b" " * (1024 * 1024 - 11) + b"}"
    assert len(body) == 1024 * 1024
    answer = api.send("POST", "/assistants", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@each_route
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_types_are_415(method: str, path: str, kind: str, api: Api) -> None:
    answer = api.send(method, path, content=b'{"name": "x"}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
)
def test_other_spellings_of_json_are_taken(kind: str, api: Api) -> None:
    answer = api.send("POST", "/assistants", content=b'{"name": "x"}', headers={"Content-Type": kind})
    assert answer.status_code == 201, answer.text


REFUSED = {
    "no json": b"{name: 1}",
    "cut off": b'{"name": "x',
    "two documents": b'{"name": "x"} {}',
    "duplicate keys": b'{"name": "x", "name": "y"}',
    "nested duplicate keys": b'{"name": "x", "metadata": {"a": 1, "a": 2}}',
    "too deep": b'{"name": "x", "metadata": ' + b'{"a":' * 65 + b"1" + b"}" * 66,
    "absurdly deep": b"[" * 100_000,
    "raw control character": b'{"name": "a\x01b"}',
    "escaped NUL": b'{"name": "a\\u0000b"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "not a number": b'{"name": NaN}',
    "infinity": b'{"max_duration_seconds": Infinity, "name": "x"}',
    "huge number": b'{"name": "x", "metadata": {"n": 1e400}}',
    "long integer": b'{"name": "x", "metadata": {"n": ' + b"9" * 39 + b"}}",
    "very long integer": b'{"name": "x", "metadata": {"n": ' + b"9" * 5000 + b"}}",
    "byte order mark": b'\xef\xbb\xbf{"name": "x"}',
    "utf-16": '{"name": "x"}'.encode("utf-16"),
    "nothing": b"",
    "blanks": b"   ",
}


@each_route
@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_unreadable_bodies_are_400(method: str, path: str, body: bytes, api: Api) -> None:
    answer = api.send(method, path, content=body, headers=JSON)
    assert answer.status_code == 400, answer.text


NOT_UTF8 = {
    "invalid": b'{"name": "\xff\xfe"}',
    "overlong": b'{"name": "\xc0\xaf"}',
    "encoded surrogate": b'{"name": "\xed\xa0\x80"}',
}


@each_route
@pytest.mark.parametrize("body", NOT_UTF8.values(), ids=NOT_UTF8.keys())
def test_bodies_that_are_not_utf8_are_400(method: str, path: str, body: bytes, api: Api) -> None:
    """As `application/json` an HTTP API hands a function text, so there it is the gateway that judges the bytes."""
    answer = api.send(method, path, content=body, headers={"Content-Type": "application/merge-patch+json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    assert api.send(method, path, content=body, headers=JSON).status_code < 500


@pytest.mark.parametrize(
    "text",
    ["line\nbreak\ttab", "\x7f\x80\x9f", "\u202e override", "\U0001f600", "\u00e9 e\u0301", "\u65e5\u672c", "\ufeff"],
    ids=ascii,
)
def test_any_text_that_json_can_hold_comes_back_as_it_was(text: str, api: Api) -> None:
    made = api.post("/assistants", {"name": "Text", "business_name": text, "metadata": {text: [text, 1.5, None]}})
    read = api.get(f"/assistants/{made['assistant']['id']}")["assistant"]
    assert read["business_name"] == text
    assert read["metadata"] == {text: [text, 1.5, None]}


def test_sixty_four_levels_are_taken(api: Api) -> None:
    value: object = 1
    for _ in range(62):  # the body, metadata and these
        value = {"a": value}
    made = api.post("/assistants", {"name": "Deep", "metadata": value})["assistant"]
    assert api.get(f"/assistants/{made['id']}")["assistant"]["metadata"] == value
    api.post("/assistants", {"name": "Deep", "metadata": {"a": {"a": value}}}, expect=400)
