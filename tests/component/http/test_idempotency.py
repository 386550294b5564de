"""Idempotency keys through the whole frame."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from fastapi import APIRouter
from starlette.testclient import TestClient

from sovereign.http import CallerDep, IdempotencyDep, RequestModel, TableDep, create_app
from sovereign.http.idempotency import IN_FLIGHT_SECONDS
from sovereign.kernel.clock import utc_now
from sovereign.kernel.errors import (
    ConflictError,
    InsufficientCreditsError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
)
from sovereign.kernel.table import Attr, Delete, Put, Ref, Table

MakeKey = Callable[..., str]
OTHER_ORG = "22222222-2222-4222-8222-222222222222"
OUTCOMES: dict[str, Exception] = {
    "missing": NotFoundError(),
    "poor": InsufficientCreditsError(),
    "duplicate": ConflictError(),
    "limited": RateLimitedError(retry_after=1),
    "busy": UnavailableError(retry_after=1),
    "defect": ZeroDivisionError(),
}


class Clock:
    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


class Order(RequestModel):
    outcome: str = "fine"
    crash_after_commit: bool = False


class Shop:
    """Routes that count how often they ran."""

    def __init__(self) -> None:
        self.ran = 0
        self.release = False
        self.router = APIRouter()
        self.router.post("/orders", status_code=201)(self.create)
        self.router.post("/catalogues", status_code=201)(self.print_catalogue)
        self.router.post("/calls/outbound")(self.dial)
        self.router.get("/orders")(self.listed)

    def create(self, caller: CallerDep, body: Order) -> dict[str, Any]:
        self.ran += 1
        if body.outcome in OUTCOMES:
            raise OUTCOMES[body.outcome]
        return {"order": {"n": self.ran, "api_key": "fl_live_" + "a" * 40, "webhook_secret": "whsec_...cdef"}}

    def print_catalogue(self, caller: CallerDep) -> dict[str, Any]:
        """An answer of 4.4 MB whose compressed form takes six items."""
        self.ran += 1
        drawn = random.Random(self.ran)
        return {"entries": [drawn.randbytes(22).hex() for _ in range(94_000)]}

    def dial(self, caller: CallerDep, table: TableDep, idempotency: IdempotencyDep, body: Order) -> dict[str, Any]:
        self.ran += 1
        call_id = f"call-outbound-{self.ran}"
        row = Put({"pk": "ORG#x#CALLS", "sk": str(self.ran)})
        table.transact([row, *idempotency.writes_for_call(call_id)])
        if self.release:
            idempotency.release()
        if body.outcome in OUTCOMES:
            raise OUTCOMES[body.outcome]
        return {"call_id": call_id}

    def listed(self, caller: CallerDep) -> dict[str, Any]:
        self.ran += 1
        return {"orders": self.ran}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def client(shop: Shop, make_key: MakeKey, clock: Clock) -> TestClient:
    headers = {"Authorization": f"Bearer {make_key()}"}
    return TestClient(create_app(shop.router, clock=clock), headers=headers, base_url="http://t/api/v1")


def keyed(key: str = "k1") -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_same_key_and_body_replays_without_the_secret(client: TestClient, shop: Shop) -> None:
    first = client.post("orders", json={}, headers=keyed())
    second = client.post("orders", json={}, headers=keyed())
    assert (first.status_code, second.status_code, shop.ran) == (201, 201, 1)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json()["order"]["api_key"].startswith("fl_live_")
    assert second.json() == {"order": {"n": 1, "api_key": None, "webhook_secret": "whsec_...cdef"}}


@pytest.mark.parametrize(
    ("outcome", "status", "stored"),
    [
        *[("missing", 404, True), ("poor", 402, True), ("duplicate", 409, True)],
        *[("limited", 429, False), ("busy", 503, False), ("defect", 500, False)],
    ],
)
def test_only_final_answers_are_stored(client: TestClient, shop: Shop, outcome: str, status: int, stored: bool) -> None:
    answers = [client.post("orders", json={"outcome": outcome}, headers=keyed()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert shop.ran == (1 if stored else 2)
    assert ("idempotent-replayed" in answers[1].headers) is stored


def test_validation_problem_is_stored(client: TestClient, shop: Shop) -> None:
    answers = [client.post("orders", json={"typo": 1}, headers=keyed()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert answers[0].json() == answers[1].json()


def test_other_body_is_a_conflict(client: TestClient, shop: Shop) -> None:
    client.post("orders", json={}, headers=keyed())
    answer = client.post("orders", json={"outcome": "missing"}, headers=keyed())
    assert (answer.status_code, answer.json()["code"], shop.ran) == (409, "idempotency_conflict", 1)


def test_other_path_key_or_organization_is_another_request(client: TestClient, shop: Shop, make_key: MakeKey) -> None:
    client.post("orders", json={}, headers=keyed())
    client.post("orders", json={}, headers=keyed("k2"))
    client.post("calls/outbound", json={}, headers=keyed())
    client.post("orders", json={}, headers=keyed() | {"Authorization": f"Bearer {make_key(OTHER_ORG)}"})
    assert shop.ran == 4


def test_second_key_of_the_organization_shares_the_record(client: TestClient, shop: Shop, make_key: MakeKey) -> None:
    client.post("orders", json={}, headers=keyed())
    client.post("orders", json={}, headers=keyed() | {"Authorization": f"Bearer {make_key()}"})
    assert shop.ran == 1


@pytest.mark.parametrize("key", ["", " ", "a b", "é".encode(), "x" * 256])
def test_key_out_of_bounds_is_400(client: TestClient, shop: Shop, key: str) -> None:
    answer = client.post("orders", json={}, headers={"Idempotency-Key": key})
    assert (answer.status_code, shop.ran) == (400, 0)
    assert answer.json()["details"] == ["Idempotency-Key: must be 1-255 visible ASCII characters"]


def test_reads_ignore_the_key(client: TestClient, shop: Shop) -> None:
    assert [client.get("orders", headers=keyed()).json() for _ in range(2)] == [{"orders": 1}, {"orders": 2}]


def test_record_is_forgotten_after_a_day(client: TestClient, shop: Shop, clock: Clock) -> None:
    client.post("orders", json={}, headers=keyed())
    clock.now += timedelta(hours=24)
    client.post("orders", json={}, headers=keyed())
    assert shop.ran == 2


def test_answer_larger_than_an_item_is_replayed_whole(client: TestClient, shop: Shop, clock: Clock) -> None:
    first = client.post("catalogues", headers=keyed())
    clock.now += timedelta(seconds=IN_FLIGHT_SECONDS + 1)
    again = client.post("catalogues", headers=keyed())
    assert (again.status_code, again.headers["idempotent-replayed"], shop.ran) == (201, "true", 1)
    assert again.content == first.content
    clock.now += timedelta(hours=24)
    fresh = client.post("catalogues", headers=keyed())
    assert shop.ran == 2
    assert client.post("catalogues", headers=keyed()).content == fresh.content


def test_parts_of_a_large_answer_end_with_its_record(client: TestClient, table: Table) -> None:
    client.post("catalogues", headers=keyed())
    record, *parts = table.query("ORG#11111111-1111-4111-8111-111111111111#IDEMPOTENCY")
    assert len(parts) == record["further_parts"] > 1
    assert {part["expires_at"] for part in parts} == {record["expires_at"]}


def test_answer_whose_parts_were_lost_is_409_and_runs_nothing(client: TestClient, shop: Shop, table: Table) -> None:
    client.post("catalogues", headers=keyed())
    _, *parts = table.query("ORG#11111111-1111-4111-8111-111111111111#IDEMPOTENCY")
    table.delete(Delete(Ref(parts[0]["pk"], parts[0]["sk"])))
    answer = client.post("catalogues", headers=keyed())
    assert (answer.status_code, answer.json()["code"], shop.ran) == (409, "idempotency_conflict", 1)
    assert int(answer.headers["retry-after"]) > 0


def _open_record(client: TestClient, shop: Shop, table: Table, path: str, body: dict[str, Any]) -> None:
    """Leave the record as a request leaves it that never came to its end."""
    client.post(path, json=body, headers=keyed())
    (record,) = table.query("ORG#11111111-1111-4111-8111-111111111111#IDEMPOTENCY")
    table.put(Put({name: value for name, value in record.items() if name not in {"status", "body"}}))


def test_request_in_flight_is_409_with_retry_after(client: TestClient, shop: Shop, table: Table) -> None:
    _open_record(client, shop, table, "orders", {})
    answer = client.post("orders", json={}, headers=keyed())
    assert (answer.status_code, shop.ran) == (409, 1)
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["retry_after"] > 0


def test_record_of_a_dead_request_is_taken_over(client: TestClient, shop: Shop, table: Table, clock: Clock) -> None:
    _open_record(client, shop, table, "orders", {})
    clock.now += timedelta(seconds=61)
    assert client.post("orders", json={"outcome": "missing"}, headers=keyed()).status_code == 409
    assert client.post("orders", json={}, headers=keyed()).status_code == 201
    assert shop.ran == 2


def test_dial_that_died_answers_its_call_for_ever(client: TestClient, shop: Shop, table: Table, clock: Clock) -> None:
    _open_record(client, shop, table, "calls/outbound", {})
    for later in (0, 61, 3600):
        clock.now += timedelta(seconds=later)
        answer = client.post("calls/outbound", json={}, headers=keyed())
        assert (answer.status_code, answer.json()["call_id"]) == (409, "call-outbound-1")
    assert shop.ran == 1


@pytest.mark.parametrize("outcome", ["busy", "defect"])
def test_failed_dial_keeps_its_call_bound(client: TestClient, shop: Shop, outcome: str) -> None:
    client.post("calls/outbound", json={"outcome": outcome}, headers=keyed())
    answer = client.post("calls/outbound", json={"outcome": outcome}, headers=keyed())
    assert (answer.status_code, answer.json()["call_id"], shop.ran) == (409, "call-outbound-1", 1)


def test_released_dial_may_be_tried_again(client: TestClient, shop: Shop) -> None:
    shop.release = True
    for _ in range(2):
        assert client.post("calls/outbound", json={"outcome": "busy"}, headers=keyed()).status_code == 503
    assert shop.ran == 2


def test_call_of_a_record_taken_over_is_not_committed(client: TestClient, table: Table, shop: Shop) -> None:
    original = shop.dial

    def slow(caller: CallerDep, table: TableDep, idempotency: IdempotencyDep, body: Order) -> dict[str, Any]:
        (record,) = table.query("ORG#11111111-1111-4111-8111-111111111111#IDEMPOTENCY")
        table.put(Put(record | {"token": "of another request"}, Attr("pk").exists()))
        return original(caller, table, idempotency, body)

    shop.router = APIRouter()
    shop.router.post("/calls/outbound")(slow)
    racing = TestClient(create_app(shop.router), headers=client.headers, base_url="http://t/api/v1")
    assert racing.post("calls/outbound", json={}, headers=keyed()).status_code == 409
    assert list(table.query("ORG#x#CALLS")) == []


def test_body_is_kept_as_hmac_only(client: TestClient, table: Table) -> None:
    client.post("orders", json={"outcome": "needle"}, headers=keyed("needle-key"))
    (record,) = table.query("ORG#11111111-1111-4111-8111-111111111111#IDEMPOTENCY")
    assert "needle" not in repr(record)


def test_idempotency_costs_two_table_requests(client: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:

    def requests_of(headers: dict[str, str]) -> int:
        made: list[str] = []
        send = BaseClient._make_api_call
        with monkeypatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", lambda c, name, kw: made.append(name) or send(c, name, kw))
            client.post("orders", json={}, headers=headers)
        return sum(name not in {"GetSecretValue"} for name in made)

    client.post("orders", json={})
    assert requests_of({}) == 1
    assert requests_of(keyed()) == 3
