"""The record of webhooks: real facts of real calls, delivered to the sink, listed and replayed."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from infra.embedded.local_file import LocalPlatform
from tests.contract.client import Api, named_in
from tests.contract.organizations import Organizations
from tests.contract.resources import ASSISTANTS, NUMBERS, TRUNKS, UNKNOWN_ID
from tests.contract.waiting import wait_until

DESTINATION = "+31612345678"


class Delivered(NamedTuple):
    """An organization one of whose calls ended, and that call's deliveries."""

    api: Api
    call_id: str

    def deliveries(self, **filters: Any) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.api.get("/webhook-deliveries", **filters)["webhook_deliveries"]
        return listed


@pytest.fixture(scope="module")
def delivered(organizations: Organizations, platform: LocalPlatform) -> Iterator[Delivered]:
    organization = organizations.create("Hooks")
    with organization.client() as api:
        number = NUMBERS.create(api, transfer_trunk_id=TRUNKS.create(api)["id"])
        organizations.operate("numbers", "verify", "--org", organization.id, "--number", number["phone_number"])
        assistant = ASSISTANTS.create(api, webhook_url=f"{platform.webhook_sink_url}/events")
        order = {"destination": DESTINATION, "assistant_id": assistant["id"]}
        api.post("/calls/outbound", order, expect=503)  # nobody carries it: it ends at once, and says so
        call_id = api.get("/calls")["calls"][0]["id"]
        found = Delivered(api, call_id)
        wait_until(lambda: {d["event"] for d in found.deliveries(status="delivered")} == EVENTS, 60)
        yield found


EVENTS = {"status-update", "end-of-call-report"}


def test_both_events_of_the_call_were_delivered_in_order(delivered: Delivered) -> None:
    listed = delivered.deliveries(call_id=delivered.call_id)
    assert [d["event"] for d in listed] == ["end-of-call-report", "status-update"]  # newest first
    for delivery in listed:
        assert (delivery["status"], delivery["attempt_count"], delivery["next_attempt_at"]) == ("delivered", 1, None)
        assert delivery["attempts"][0]["status"] == 200
        assert DESTINATION not in str(delivery)
    assert listed[0]["sequence"] > listed[1]["sequence"]


def test_pages_follow_their_cursor(delivered: Delivered) -> None:
    first = delivered.api.get("/webhook-deliveries", limit=1)
    second = delivered.api.get("/webhook-deliveries", limit=1, cursor=first["pagination"]["next_cursor"])
    both = first["webhook_deliveries"] + second["webhook_deliveries"]
    assert both == delivered.deliveries()[:2]


def test_a_replay_delivers_once_more(delivered: Delivered) -> None:
    delivery = delivered.deliveries(call_id=delivered.call_id)[0]
    begun = delivered.api.post(f"/webhook-deliveries/{delivery['id']}/replay", None, expect=200)["webhook_delivery"]
    assert begun["id"] == delivery["id"]
    wait_until(lambda: _again(delivered, delivery["id"])["attempt_count"] == 2, 30)
    assert _again(delivered, delivery["id"])["status"] == "delivered"


def _again(delivered: Delivered, delivery_id: str) -> dict[str, Any]:
    return next(d for d in delivered.deliveries() if d["id"] == delivery_id)


def test_another_tenants_deliveries_do_not_exist(delivered: Delivered, stranger: Api) -> None:
    delivery = delivered.deliveries()[0]
    stranger.post(f"/webhook-deliveries/{delivery['id']}/replay", None, expect=404)
    assert stranger.get("/webhook-deliveries", call_id=delivered.call_id)["webhook_deliveries"] == []
    delivered.api.post(f"/webhook-deliveries/{UNKNOWN_ID}/replay", None, expect=404)


def test_a_cursor_of_another_tenant_shows_nothing_of_it(delivered: Delivered, stranger: Api) -> None:
    cursor = delivered.api.get("/webhook-deliveries", limit=1)["pagination"]["next_cursor"]
    answer = stranger.send("GET", "/webhook-deliveries", params={"cursor": cursor})
    assert answer.status_code in {200, 400}
    assert delivered.call_id not in answer.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("limit", "x"), ("status", "lost"), ("cursor", "x"), ("cursor", "e30=")],
)
def test_bad_parameters_are_refused_by_name(name: str, value: str, delivered: Delivered) -> None:
    assert named_in(delivered.api.get("/webhook-deliveries", expect=400, **{name: value})) == {name}
