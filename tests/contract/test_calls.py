"""Dialling and control, as far as they come without a media node: every refusal, and that nobody is there."""

from typing import Any
from uuid import uuid4

import pytest

from infra.embedded.cloud import cloud_client
from sovereign.calls.items import row_item
from sovereign.calls.keys import lookup_ref
from sovereign.calls.model import Call, CallRef, CallStatus
from sovereign.kernel.clock import utc_now
from sovereign.kernel.ids import new_call_id
from tests.contract.client import Api, named_in
from tests.contract.history import load
from tests.contract.organizations import Organization, Organizations
from tests.contract.resources import ASSISTANTS, NUMBERS, TRUNKS, UNKNOWN_ID

DESTINATION = "+31612345678"
SPEAKS = {
    "llm_config": {"provider": "local", "model": "intents"},
    "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
    "tts_config": {"provider": "local", "voice_id": "heart"},
}


@pytest.fixture(scope="module")
def owner(organizations: Organizations) -> Organization:
    return organizations.create("Dialler")


@pytest.fixture(scope="module")
def dialler(owner: Organization, organizations: Organizations) -> Any:
    """An organization with an assistant and a verified Dutch number on a trunk."""
    with owner.client() as client:
        trunk = TRUNKS.create(client)
        number = NUMBERS.create(client, transfer_trunk_id=trunk["id"])
        organizations.operate("numbers", "verify", "--org", owner.id, "--number", number["phone_number"])
        yield client


@pytest.fixture(scope="module")
def assistant(dialler: Api) -> str:
    return str(ASSISTANTS.create(dialler)["id"])


def total(api: Api) -> int:
    count: int = api.get("/calls")["pagination"]["total"]
    return count


def test_a_call_nobody_can_carry_is_503_and_ends(dialler: Api, assistant: str) -> None:
    before = total(dialler)
    body = {"destination": DESTINATION, "assistant_id": assistant, "metadata": {"crm": 7}}
    refused = dialler.post("/calls/outbound", body, expect=503)
    assert refused["retry_after"] > 0
    assert total(dialler) == before + 1
    call = dialler.get("/calls", limit=1)["calls"][0]
    assert (call["status"], call["end_reason"]) == ("rejected", "no_capacity")
    assert (call["direction"], call["agent_id"], call["metadata"]) == ("outbound", assistant, {"crm": 7})
    assert dialler.get(f"/calls/{call['id']}") == call


@pytest.mark.parametrize("mode", ["reference", "hybrid", "transient", "deprecated", "first line"])
def test_every_mode_gets_as_far_as_a_node(mode: str, dialler: Api, assistant: str) -> None:
    body = {
        "reference": {"assistant_id": assistant},
        "hybrid": {"assistant_id": assistant, "assistant_override": {"first_message": "Hello"}},
        "transient": {"assistant": SPEAKS},
        "deprecated": {"agent_id": assistant},
        "first line": {"agent_config": SPEAKS, "first_message": "Hello"},
    }[mode]
    dialler.post("/calls/outbound", {"destination": DESTINATION, **body}, expect=503)


REFUSED: list[tuple[dict[str, Any], str | None]] = [
    ({"assistant": SPEAKS}, "destination"),
    ({"destination": None, "assistant": SPEAKS}, "destination"),
    ({"destination": 31612345678, "assistant": SPEAKS}, "destination"),
    ({"destination": DESTINATION}, None),
    ({"destination": DESTINATION, "assistant": SPEAKS, "assistant_id": UNKNOWN_ID}, None),
    ({"destination": DESTINATION, "assistant": SPEAKS, "assistant_override": {}}, None),
    ({"destination": DESTINATION, "assistant": {}}, "assistant.llm_config"),
    ({"destination": DESTINATION, "assistant": {"llm_config": SPEAKS["llm_config"]}}, None),
    ({"destination": DESTINATION, "assistant": SPEAKS | {"name": "x"}}, "assistant.name"),
    ({"destination": DESTINATION, "assistant": SPEAKS | {"is_active": True}}, "assistant.is_active"),
    ({"destination": DESTINATION, "assistant": SPEAKS | {"max_duration_seconds": 9}}, "assistant.max_duration_seconds"),
    ({"destination": DESTINATION, "assistant": SPEAKS, "metadata": {"x": "y" * 9000}}, "metadata"),
    ({"destination": DESTINATION, "assistant": SPEAKS, "first_message": "x" * 1001}, "first_message"),
    ({"destination": DESTINATION, "assistant": SPEAKS, "caller_id": "+1"}, "caller_id"),
    ({"destination": DESTINATION, "agent_id": "a", "assistant_id": "b"}, None),
]


@pytest.mark.parametrize(("body", "named"), REFUSED, ids=lambda case: str(case)[:60])
def test_bad_orders_are_refused_and_make_no_call(body: dict[str, Any], named: str | None, dialler: Api) -> None:
    before = total(dialler)
    refused = dialler.post("/calls/outbound", body, expect=400)
    assert named is None or named in named_in(refused)
    assert total(dialler) == before


@pytest.mark.parametrize(
    "destination",
    ["112", "+112", "+31112", "0612345678", "sip:x@example.com", "+31906123456", "+870776123456", "+12025550", "", "x"],
)
def test_what_may_not_be_dialled_is_refused(destination: str, dialler: Api, assistant: str) -> None:
    before = total(dialler)
    refused = dialler.post("/calls/outbound", {"destination": destination, "assistant_id": assistant}, expect=400)
    assert refused["code"] in {"destination_not_allowed", "invalid_request"}
    assert total(dialler) == before


def test_countries_outside_the_policy_are_refused(dialler: Api, assistant: str) -> None:
    abroad = {"destination": "+442079460958", "assistant_id": assistant}
    assert dialler.post("/calls/outbound", abroad, expect=400)["code"] == "destination_not_allowed"
    dialler.patch("/organizations", {"outbound_policy": {"allowed_countries": ["NL", "GB"]}})
    dialler.post("/calls/outbound", abroad, expect=503)
    dialler.patch("/organizations", {"outbound_policy": None})


def test_unknown_and_foreign_ids_are_404(dialler: Api, assistant: str, stranger: Api) -> None:
    theirs, their_number = ASSISTANTS.create(stranger)["id"], NUMBERS.create(stranger)["id"]
    for unknown in (UNKNOWN_ID, theirs):
        dialler.post("/calls/outbound", {"destination": DESTINATION, "assistant_id": unknown}, expect=404)
    for unknown in (UNKNOWN_ID, their_number):
        body = {"destination": DESTINATION, "assistant_id": assistant, "number_id": unknown}
        dialler.post("/calls/outbound", body, expect=404)


def test_an_inactive_assistant_does_not_call(dialler: Api) -> None:
    inactive = ASSISTANTS.create(dialler, is_active=False)["id"]
    dialler.post("/calls/outbound", {"destination": DESTINATION, "assistant_id": inactive}, expect=400)


def test_a_number_needs_a_trunk_and_a_verified_owner(dialler: Api, assistant: str) -> None:
    pending = NUMBERS.create(dialler)["id"]
    body = {"destination": DESTINATION, "assistant_id": assistant, "number_id": pending}
    dialler.post("/calls/outbound", body, expect=400)


def test_an_organization_without_a_number_cannot_call(organizations: Organizations) -> None:
    with organizations.create("Numberless").client() as api:
        body = {"destination": DESTINATION, "assistant": SPEAKS}
        api.post("/calls/outbound", body, expect=400)
        assert total(api) == 0


def test_a_metered_organization_without_minutes_gets_402(organizations: Organizations) -> None:
    poor = organizations.create("Poor", billing_mode="metered")
    with poor.client() as api:
        number = NUMBERS.create(api, transfer_trunk_id=TRUNKS.create(api)["id"])
        organizations.operate("numbers", "verify", "--org", poor.id, "--number", number["phone_number"])
        body = {"destination": DESTINATION, "assistant": SPEAKS}
        assert api.post("/calls/outbound", body, expect=402)["code"] == "insufficient_credits"
        assert total(api) == 0
        organizations.operate("credits", "add", "--org", poor.id, "--minutes", "10")
        api.post("/calls/outbound", body, expect=503)
        assert api.get("/organizations")["minutes_balance"] == 10  # what was held came back


def test_a_refused_dial_frees_its_key_and_an_order_is_replayed(dialler: Api, assistant: str) -> None:
    body, key = {"destination": DESTINATION, "assistant_id": assistant}, str(uuid4())
    before = total(dialler)
    for _ in range(2):  # nobody was rung, so the same key may try again
        answer = dialler.send("POST", "/calls/outbound", json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 503
    assert total(dialler) == before + 2
    refused = {"destination": "+31112", "assistant_id": assistant}
    answers = [
        dialler.send("POST", "/calls/outbound", json=refused, headers={"Idempotency-Key": f"{key}-2"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[1].headers["idempotent-replayed"] == "true"


@pytest.fixture
def running(owner: Organization, organizations: Organizations, dialler: Api) -> str:
    """A call in progress on a node that is gone."""
    ref = CallRef(owner.id, new_call_id("inbound"), 900_000_000 + uuid4().int % 1_000_000)
    now = utc_now()
    call = Call(
        ref=ref, direction="inbound", status=CallStatus.IN_PROGRESS, created_at=now, updated_at=now, node_id="gone"
    )
    lookup = {**lookup_ref(owner.id, ref.call_id)._asdict(), "number": ref.number}
    load(cloud_client("dynamodb", organizations.endpoint), organizations.table_name, [row_item(call), lookup])
    return ref.call_id


COMMANDS: list[dict[str, Any]] = [
    {"type": "inject-context", "content": "The caller is a regular."},
    {"type": "inject-context", "content": "x", "trigger_response": True},
    {"type": "say", "content": "One moment."},
    {"type": "end-call"},
    {"type": "end-call", "message": None},
    {"type": "transfer", "destination": "+31612345678"},
    {"type": "transfer", "destination": "sip:desk@example.com", "message": "One moment."},
    {"type": "send-dtmf", "digits": "1#*A"},
]
BAD_COMMANDS: list[tuple[dict[str, Any], str]] = [
    ({}, "type"),
    ({"type": "dance"}, "type"),
    ({"type": 5}, "type"),
    ({"type": "say"}, "content"),
    ({"type": "say", "content": ""}, "content"),
    ({"type": "say", "content": 5}, "content"),
    ({"type": "say", "content": "x", "end_after": "yes"}, "end_after"),
    ({"type": "say", "content": "x", "trigger_response": True}, "trigger_response"),
    ({"type": "inject-context"}, "content"),
    ({"type": "transfer"}, "destination"),
    ({"type": "transfer", "destination": "12"}, "destination"),
    ({"type": "send-dtmf", "digits": "5x"}, "digits"),
    ({"type": "send-dtmf", "digits": ""}, "digits"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_good_commands_reach_for_the_node(command: dict[str, Any], running: str, dialler: Api) -> None:
    dialler.post(f"/calls/{running}/control", command, expect=503)


@pytest.mark.parametrize(("command", "named"), BAD_COMMANDS, ids=str)
def test_bad_commands_are_refused_by_name(command: dict[str, Any], named: str, running: str, dialler: Api) -> None:
    assert named_in(dialler.post(f"/calls/{running}/control", command, expect=400)) == {named}


def test_ten_commands_a_minute_for_one_call(running: str, dialler: Api) -> None:
    command = {"type": "end-call"}
    statuses = [dialler.send("POST", f"/calls/{running}/control", json=command).status_code for _ in range(12)]
    assert statuses[:10] == [503] * 10
    assert 429 in statuses[10:] or statuses == [503] * 12  # the minute may have turned in between


def test_commands_to_calls_that_are_over_unknown_or_foreign(running: str, dialler: Api, stranger: Api) -> None:
    command = {"type": "end-call"}
    over = next(call["id"] for call in dialler.get("/calls")["calls"] if call["status"] == "rejected")
    dialler.post(f"/calls/{over}/control", command, expect=400)
    dialler.post("/calls/call-inbound-000000000000/control", command, expect=404)
    stranger.post(f"/calls/{running}/control", command, expect=404)
