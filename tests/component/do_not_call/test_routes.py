"""The do-not-call routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.do_not_call.router import router
from sovereign.do_not_call import DoNotCallStore
from sovereign.kernel.table import Table
from tests.component.assistants.fixtures import ORG, OTHER_ORG, Api, Requests

NUMBER = "+31612345678"


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router)


def add(client: TestClient, number: str = NUMBER, **members: Any) -> dict[str, Any]:
    answer = client.post("do-not-call", json={"phone_number": number, **members})
    assert answer.status_code == 201, answer.text
    entry: dict[str, Any] = answer.json()["entry"]
    return entry


def test_added_number_is_listed_until_it_is_removed(client: TestClient) -> None:
    made = add(client, reason="Asked for it")
    assert made == {"phone_number": NUMBER, "reason": "Asked for it", "created_at": made["created_at"]}
    listed = client.get("do-not-call").json()
    assert listed == {"entries": [made], "pagination": {"limit": 100, "next_cursor": None}}
    assert client.delete(f"do-not-call/{NUMBER}").json() == {"success": True}
    assert client.get("do-not-call").json()["entries"] == []


def test_encoded_number_in_the_path_is_the_same(client: TestClient) -> None:
    add(client)
    assert client.delete("do-not-call/%2B31612345678").status_code == 200


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "phone_number"),
        ({"phone_number": "0612345678"}, "phone_number"),
        ({"phone_number": "+3161"}, "phone_number"),
        ({"phone_number": None}, "phone_number"),
        ({"phone_number": NUMBER, "reason": ""}, "reason"),
        ({"phone_number": NUMBER, "reason": "x" * 501}, "reason"),
        ({"phone_number": NUMBER, "created_at": "2020-01-01T00:00:00.000Z"}, "created_at"),
    ],
)
def test_bad_member_is_named(client: TestClient, body: dict[str, Any], path: str) -> None:
    answer = client.post("do-not-call", json=body)
    assert (answer.status_code, answer.json()["details"][0].split(": ")[0]) == (400, path)


def test_number_that_is_listed_is_a_conflict(client: TestClient) -> None:
    made = add(client, reason="First")
    assert client.post("do-not-call", json={"phone_number": NUMBER}).status_code == 409
    assert client.get("do-not-call").json()["entries"] == [made]


@pytest.mark.parametrize("number", [NUMBER, "nonsense", "31612345678", "%2B", "+1"])
def test_number_that_is_not_listed_is_not_found(client: TestClient, number: str) -> None:
    assert client.delete(f"do-not-call/{number}").status_code == 404


def test_pages_follow_one_another_in_the_order_of_the_numbers(client: TestClient) -> None:
    numbers = [f"+3161234567{digit}" for digit in (3, 1, 2)]
    for number in numbers:
        add(client, number)
    first = client.get("do-not-call?limit=2").json()
    cursor = first["pagination"]["next_cursor"]
    second = client.get(f"do-not-call?limit=2&cursor={cursor}").json()
    shown = [entry["phone_number"] for page in (first, second) for entry in page["entries"]]
    assert shown == sorted(numbers)
    assert second["pagination"]["next_cursor"] is None
    assert "316" not in cursor


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "cursor=nonsense", "cursor=%2B31612345678"])
def test_bad_query_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"do-not-call?{query}").status_code == 400


def test_lists_of_organizations_are_apart(client: TestClient, api: Api, table: Table) -> None:
    add(client)
    stranger = api(router, org_id=OTHER_ORG)
    assert stranger.get("do-not-call").json()["entries"] == []
    assert stranger.delete(f"do-not-call/{NUMBER}").status_code == 404
    store = DoNotCallStore(table)
    assert store.listed(ORG, [NUMBER, "+31687654321", "no number"]) == {NUMBER}
    assert store.listed(OTHER_ORG, [NUMBER]) == frozenset()


def test_many_numbers_are_looked_up_by_the_hundred(client: TestClient, table: Table, requests_made: Requests) -> None:
    add(client)
    requests_made.clear()
    numbers = [f"+3161{number:07}" for number in range(249)]
    assert DoNotCallStore(table).listed(ORG, [*numbers, NUMBER]) == {NUMBER}
    assert len(requests_made) == 3


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    add(client)
    assert len(requests_made) <= 3
    for send, limit in ((lambda: client.get("do-not-call"), 2), (lambda: client.delete(f"do-not-call/{NUMBER}"), 3)):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit
