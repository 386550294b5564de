"""The frame as a client sees it: paths, authentication, limits, errors, headers."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from fastapi import APIRouter
from starlette.testclient import TestClient

from sovereign.http import CallerDep, PageDep, RequestModel, create_app, lambda_handler
from sovereign.http import exchange as exchange_module
from sovereign.http.rate_limits import limit_control_commands
from sovereign.kernel import aws
from sovereign.kernel.clock import utc_now
from sovereign.kernel.errors import NotFoundError, RateLimitedError, UnavailableError
from sovereign.kernel.ids import api_key_hash
from sovereign.kernel.table import Ref, Table, Update

ClientFor = Callable[..., TestClient]
MakeKey = Callable[..., str]


class Thing(RequestModel):
    name: str
    size: int | None = None


router = APIRouter()


@router.get("/things")
def list_things(caller: CallerDep, page: PageDep) -> dict[str, Any]:
    return {"things": [], "org": caller.org_id, "pagination": page.pagination(0)}


@router.post("/things", status_code=201)
def create_thing(caller: CallerDep, thing: Thing) -> dict[str, Any]:
    return {"thing": thing.given()}


@router.get("/things/{thing_id}")
def read_thing(caller: CallerDep, thing_id: str) -> dict[str, Any]:
    if thing_id == "defect":
        raise KeyError("+31201234567 said hello")
    if thing_id == "busy":
        raise UnavailableError(retry_after=7)
    raise NotFoundError("no such thing")


@router.get("/unmentioned")
def without_caller() -> dict[str, str]:
    return {"status": "secret"}


@router.get("/open", openapi_extra={"security": []})
def open_door() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/sized")
def sized(caller: CallerDep, page: PageDep, size: int) -> dict[str, Any]:
    return {"rows": ["x" * size] * page.limit, "pagination": page.pagination(100)}


RATE_HEADERS = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}


def test_create_and_list_succeed(client_for: ClientFor, make_key: MakeKey) -> None:
    client = client_for(router, key=make_key())
    assert client.post("/api/v1/things", json={"name": "x"}).json() == {"thing": {"name": "x"}}
    answer = client.get("/api/v1/things")
    assert answer.status_code == 200
    assert answer.json()["pagination"] == {"total": 0, "limit": 100, "offset": 0}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer fl_live_" + "0" * 40,
        "Bearer fl_live_short",
        "Basic dXNlcjpwYXNz",
        "Bearer " + "x" * 8000,
        "fl_live_" + "0" * 40,
    ],
)
def test_bad_key_is_unauthorized(client_for: ClientFor, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for path in ("things", "unmentioned"):
        answer = client_for(router).get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers.keys() >= RATE_HEADERS
        assert answer.json() == {
            "error": "Unauthorized",
            "message": "Invalid or missing API key",
            "code": "unauthorized",
        }


def test_key_is_asked_for_before_the_body_is_judged(client_for: ClientFor) -> None:
    answer = client_for(router).post("/api/v1/things", content=b"{", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 401


def test_scheme_is_case_insensitive(client_for: ClientFor, make_key: MakeKey) -> None:
    answer = client_for(router).get("/api/v1/things", headers={"Authorization": f"bearer  {make_key()}"})
    assert answer.status_code == 200


def test_public_route_needs_no_key(client_for: ClientFor) -> None:
    answer = client_for(router).get("/api/v1/open")
    assert answer.status_code == 200
    assert answer.headers.keys() >= RATE_HEADERS


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/chats", 404, "not_found"),
        ("/", 404, "not_found"),
        ("/things", 404, "not_found"),
        ("/api/v1/things/", 404, "not_found"),
        ("/api/v1/things/unknown", 404, "not_found"),
        ("/api/v1/things/a%00b", 404, "not_found"),
        ("/api/v1/things/" + "x" * 3000, 404, "not_found"),
        ("/api/v1/things/defect", 500, "internal_error"),
        ("/api/v1/things/busy", 503, "unavailable"),
        *[(f"/api/v1/things?limit={bad}", 400, "invalid_request") for bad in ("0", "1001", "x", "1.5", "", "9" * 5000)],
        *[(f"/api/v1/things?offset={bad}", 400, "invalid_request") for bad in ("-1", "9" * 30)],
        ("/api/v1/things?agent_id=" + "9" * 3000, 400, "invalid_request"),
    ],
)
def test_failures_have_the_flat_shape_and_rate_headers(
    client_for: ClientFor, make_key: MakeKey, path: str, status: int, code: str
) -> None:
    answer = client_for(router, key=make_key()).get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert isinstance(answer.json()["error"], str)
    assert answer.headers.keys() >= RATE_HEADERS
    assert answer.headers["x-request-id"]
    if status == 400:
        assert answer.json()["details"][0].startswith(path.partition("?")[2].partition("=")[0] + ": ")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS"])
def test_other_method_is_405(client_for: ClientFor, make_key: MakeKey, method: str) -> None:
    answer = client_for(router, key=make_key()).request(method, "/api/v1/things")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_defect_gives_an_id_to_quote_and_nothing_internal(
    client_for: ClientFor, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = io.StringIO()
    monkeypatch.setattr(exchange_module._log.registered_handler, "stream", lines)
    answer = client_for(router, key=make_key()).get("/api/v1/things/defect")
    request_id = answer.json()["request_id"]
    assert request_id in answer.json()["message"]
    assert answer.headers["x-request-id"] == request_id
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(line["message"], line["request_id"]) for line in logged] == [
        ("request_failed", request_id),
        ("request_handled", request_id),
    ]
    assert "read_thing" in logged[0]["exception"]
    for private in ("KeyError", "said hello", "+31", "Traceback", ".py"):
        assert private not in answer.text
    assert "said hello'" not in lines.getvalue()


def test_retry_after_is_in_header_and_body(client_for: ClientFor, make_key: MakeKey) -> None:
    answer = client_for(router, key=make_key()).get("/api/v1/things/busy")
    assert (answer.headers["retry-after"], answer.json()["retry_after"]) == ("7", 7)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{" + b" " * 1024 * 1024 + b"}", "application/json", 413, "body_too_large"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{", "application/json", 400, "invalid_json"),
        (b"[" * 100_000, "application/json", 400, "invalid_json"),
        (b"", "application/json", 400, "missing_field"),
        (b"", "", 400, "missing_field"),
        (b"[]", "application/json", 400, "invalid_request"),
        (b"null", "application/json", 400, "invalid_request"),
        (b'"x"', "application/json", 400, "invalid_request"),
    ],
)
def test_unusable_body_is_refused(
    client_for: ClientFor, make_key: MakeKey, content: bytes, content_type: str, status: int, code: str
) -> None:
    client = client_for(router, key=make_key())
    answer = client.post("/api/v1/things", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_body_without_declared_length_is_bounded_too(client_for: ClientFor, make_key: MakeKey) -> None:
    chunks = (b"x" * 300_000 for _ in range(5))
    answer = client_for(router, key=make_key()).post("/api/v1/things", content=chunks)
    assert answer.status_code == 413


def test_limit_is_counted_down_and_enforced(make_key: MakeKey) -> None:
    now = utc_now()
    headers = {"Authorization": f"Bearer {make_key(limit=2)}"}
    client = TestClient(create_app(router, clock=lambda: now), headers=headers)
    answers = [client.get("/api/v1/things") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].headers["x-ratelimit-limit"] == "2"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    assert answers[2].json()["retry_after"] == int(answers[2].headers["retry-after"])
    assert answers[2].json()["code"] == "rate_limit_exceeded"


def test_next_minute_starts_a_new_window(table: Table, make_key: MakeKey) -> None:
    now = [utc_now()]
    client = TestClient(
        create_app(router, clock=lambda: now[0]), headers={"Authorization": f"Bearer {make_key(limit=1)}"}
    )
    assert [client.get("/api/v1/things").status_code for _ in range(2)] == [200, 429]
    now[0] += timedelta(seconds=60)
    assert client.get("/api/v1/things").status_code == 200


def test_unlimited_key_writes_nothing_and_still_shows_headers(
    client_for: ClientFor, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_for(router, key=make_key(limit=None))
    monkeypatch.setattr(Table, "update", lambda *_: pytest.fail("wrote a counter"))
    answer = client.get("/api/v1/things")
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (200, "100")


def test_second_request_reads_no_key(client_for: ClientFor, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_for(router, key=make_key())
    client.get("/api/v1/things")
    monkeypatch.setattr(Table, "get", lambda *_, **__: pytest.fail("read the key again"))
    assert client.get("/api/v1/things").status_code == 200


def test_suspended_organization_is_forbidden(client_for: ClientFor, make_key: MakeKey, table: Table) -> None:

    key = make_key()
    table.update(Update(Ref(f"APIKEY#{api_key_hash(key)}", "APIKEY"), set={"suspended": True}))
    answer = client_for(router, key=key).get("/api/v1/things")
    assert (answer.status_code, answer.json()["code"]) == (403, "organization_suspended")


def test_control_commands_have_a_limit_of_their_own(table: Table) -> None:
    now = utc_now()
    for _ in range(10):
        limit_control_commands(table, "call-1", lambda: now)
    with pytest.raises(RateLimitedError) as refused:
        limit_control_commands(table, "call-1", lambda: now)
    assert refused.value.retry_after
    limit_control_commands(table, "call-2", lambda: now)


def test_page_that_is_too_large_names_the_limit_that_fits(client_for: ClientFor, make_key: MakeKey) -> None:
    client = client_for(router, key=make_key())
    refused = client.get("/api/v1/sized?limit=100&size=99996").json()
    assert (refused["error"], refused["code"]) == ("Bad Request", "response_too_large")
    assert refused["limit"] == 49
    fits = client.get(f"/api/v1/sized?limit={refused['limit']}&size=99996")
    assert fits.status_code == 200
    assert client.get(f"/api/v1/sized?limit={refused['limit'] + 1}&size=99996").status_code == 400


def test_table_outage_is_503(client_for: ClientFor, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_for(router, key=make_key())
    monkeypatch.setattr(type(aws.client("dynamodb")), "_make_api_call", _unreachable)
    answer = client.get("/api/v1/things")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]


def _unreachable(*_: Any) -> None:

    raise EndpointConnectionError(endpoint_url="http://internal.example/")


def _event(path: str, headers: dict[str, str], body: str | None = None, method: str = "GET") -> dict[str, Any]:
    """An HTTP API event, payload version 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.example", **headers},
        "requestContext": {
            "requestId": "gateway-id",
            "stage": "$default",
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def test_lambda_handler_answers_gateway_events(table: Table, make_key: MakeKey) -> None:
    handler = lambda_handler(router)
    headers = {"authorization": f"Bearer {make_key()}", "content-type": "application/json"}
    created = handler(_event("/api/v1/things", headers, '{"name": "x"}', "POST"), None)
    assert (created["statusCode"], json.loads(created["body"])) == (201, {"thing": {"name": "x"}})
    assert created["headers"]["x-request-id"] == "gateway-id"
    assert handler(_event("/api/v1/nothing", {}), None)["statusCode"] == 404


def test_a_method_a_path_does_not_take_is_answered_with_those_it_takes(
    client_for: ClientFor, make_key: MakeKey
) -> None:
    answer = client_for(router, key=make_key()).put("/api/v1/things")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize("limit", ["1_0", "+1", "1.0", " 1", "1e1", "\u0661"])
def test_a_limit_that_is_not_plain_digits_is_refused(limit: str, client_for: ClientFor, make_key: MakeKey) -> None:
    answer = client_for(router, key=make_key()).get("/api/v1/things", params={"limit": limit})

    assert answer.status_code == 400
    assert answer.json()["details"] == ["limit: must be an integer"]


def test_a_parameter_given_twice_is_refused(client_for: ClientFor, make_key: MakeKey) -> None:
    answer = client_for(router, key=make_key()).get("/api/v1/things?limit=1&limit=2")

    assert answer.status_code == 400
    assert answer.json()["details"] == ["limit: is given more than once"]
