from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.webhook_deliveries.router import router
from sovereign.api_keys.store import creation_writes, new_api_key
from sovereign.http import create_app
from sovereign.kernel import aws, secrets, settings
from sovereign.kernel.clock import utc_now
from sovereign.webhooks.queue import QueuedAttempt
from tests.component.calls.harness import ORG, OTHER_ORG
from tests.component.webhooks.world import World

PATH = "/api/v1/webhook-deliveries"


@pytest.fixture
def client(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    yield from _client(world, monkeypatch, ORG)


@pytest.fixture
def stranger(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    yield from _client(world, monkeypatch, OTHER_ORG)


def _client(world: World, monkeypatch: pytest.MonkeyPatch, org_id: str) -> Iterator[TestClient]:
    monkeypatch.setenv("DELIVERY_QUEUE_URL", world.queue_url)
    monkeypatch.setenv("SIGNING_SECRET_ID", f"signing-{org_id}")
    settings.read_environment.cache_clear()
    secrets.forget_secrets()
    aws.client("secretsmanager").create_secret(Name=f"signing-{org_id}", SecretString="0" * 64)
    key, secret = new_api_key(org_id, "test", None, utc_now())
    world.table.transact(creation_writes(key, None))
    yield TestClient(create_app(router), headers={"Authorization": f"Bearer {secret}"}, raise_server_exceptions=False)


def delivered(world: World, status: int = 200) -> Any:
    ref = world.start_call()
    world.sender.statuses = [status]
    world.deliverer.deliver_fact(world.fact(ref, 1))
    world.clock.advance(seconds=1)
    return ref


def test_deliveries_are_listed_newest_first_page_by_page(world: World, client: TestClient) -> None:
    refs = [delivered(world) for _ in range(5)]
    seen, cursor = [], None
    while True:
        answer = client.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [entry["call_id"] for entry in answer["webhook_deliveries"]]
        cursor = answer["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert seen == [ref.call_id for ref in reversed(refs)]


def test_a_delivery_shows_its_attempts_and_no_secret(world: World, client: TestClient) -> None:
    ref = delivered(world, status=500)
    [entry] = client.get(PATH, params={"call_id": ref.call_id}).json()["webhook_deliveries"]
    assert entry["id"] == f"{ref.call_id}.1"
    assert (entry["event"], entry["status"], entry["attempt_count"]) == ("status-update", "pending", 1)
    [attempt] = entry["attempts"]
    assert attempt == {
        "at": "2026-11-22T21:00:00.000Z",
        "status": 500,
        "duration_ms": 12,
        "error": None,
        "answer": "ok",
    }
    assert entry["next_attempt_at"] > "2026-11-22T21:00:05"
    assert "whsec" not in str(entry)


def test_lists_are_filtered_by_call_and_status(world: World, client: TestClient) -> None:
    good, bad = delivered(world), delivered(world, status=410)

    def calls(**params: str) -> list[str]:
        return [entry["call_id"] for entry in client.get(PATH, params=params).json()["webhook_deliveries"]]

    assert calls(status="failed") == [bad.call_id]
    assert calls(status="delivered") == [good.call_id]
    assert calls(status="pending") == []
    assert calls(call_id=good.call_id) == [good.call_id]
    assert calls(call_id=good.call_id, status="failed") == []


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"status": "lost"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"cursor": "%%%"}, "cursor"),
        ({"cursor": "aGVsbG8"}, "cursor"),
    ],
)
def test_a_bad_parameter_is_named(client: TestClient, params: dict[str, str], named: str) -> None:
    answer = client.get(PATH, params=params)
    assert answer.status_code == 400
    assert named in str(answer.json()["details"])


def test_a_replay_begins_anew_with_the_same_body_and_id(world: World, client: TestClient) -> None:
    ref = delivered(world, status=410)
    answer = client.post(f"{PATH}/{ref.call_id}.1/replay")
    assert answer.status_code == 200
    assert answer.json()["webhook_delivery"]["status"] == "pending"
    world.deliverer.deliver_queued(QueuedAttempt(world.delivery(ref, 1).ref, 1))
    delivery = world.delivery(ref, 1)
    assert (delivery.status, delivery.attempt_count, delivery.failure) == ("delivered", 2, None)
    assert world.sender.sent[0][2] == world.sender.sent[1][2]
    message = aws.client("sqs").receive_message(QueueUrl=world.queue_url)["Messages"][0]
    assert ref.call_id in message["Body"]


def test_a_replayed_delivery_has_a_whole_schedule_before_it(world: World, client: TestClient) -> None:
    ref = delivered(world, status=410)
    client.post(f"{PATH}/{ref.call_id}.1/replay")
    world.sender.statuses = [500]
    world.deliverer.deliver_queued(QueuedAttempt(world.delivery(ref, 1).ref, 1))
    assert (world.delivery(ref, 1).status, world.delivery(ref, 1).failures_this_round) == ("pending", 1)


def test_what_was_erased_is_gone(world: World, client: TestClient) -> None:
    ref = delivered(world)
    world.deliveries.mark_body_erased(world.delivery(ref, 1).ref)
    answer = client.post(f"{PATH}/{ref.call_id}.1/replay")
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_another_organizations_delivery_does_not_exist(world: World, client: TestClient, stranger: TestClient) -> None:
    ref = delivered(world)
    assert stranger.get(PATH).json()["webhook_deliveries"] == []
    assert stranger.get(PATH, params={"call_id": ref.call_id}).json()["webhook_deliveries"] == []
    assert stranger.post(f"{PATH}/{ref.call_id}.1/replay").status_code == 404


@pytest.mark.parametrize("delivery_id", ["x", "call-inbound-abc.1", "call-inbound-abc.x", ".1", "a.9999999"])
def test_an_unknown_id_is_not_found(client: TestClient, delivery_id: str) -> None:
    assert client.post(f"{PATH}/{delivery_id}/replay").status_code == 404
