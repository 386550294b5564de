"""Members of numbers and SIP trunks, and what binds the two together."""

from typing import Any

import pytest

from tests.contract.client import Api, named_in
from tests.contract.organizations import Organizations
from tests.contract.resources import ASSISTANTS, NUMBERS, TRUNKS, UNKNOWN_ID, fresh_phone_number


def label(case: Any) -> str:
    return str(case)[:50]


@pytest.mark.parametrize(
    "number", ["+31850835037", "+12025550143", "+442079460958", "+4930123456", "+819012345678"], ids=label
)
def test_valid_numbers_can_be_registered(number: str, api: Api) -> None:
    made = NUMBERS.create(api, phone_number=number)
    assert (made["phone_number"], made["verification"], made["is_active"]) == (number, "pending", True)
    assert made["agent_id"] is made["transfer_trunk_id"] is made["workflow_id"] is made["source"] is None


@pytest.mark.parametrize(
    "number",
    ["", "31850835037", "0850835037", "+31 85 083 5037", "+3185083503", "+0123456789", "+12025550", "+1" * 9, "٣١"],
    ids=label,
)
def test_anything_else_is_refused(number: str, api: Api) -> None:
    assert named_in(api.post("/numbers", {"phone_number": number}, expect=400)) == {"phone_number"}


def test_a_number_cannot_be_registered_twice_in_one_organization(api: Api) -> None:
    made = NUMBERS.create(api)
    refused = api.post("/numbers", {"phone_number": made["phone_number"]}, expect=409)
    assert refused["code"] == "conflict"
    api.delete(NUMBERS.at(made))
    assert api.post("/numbers", {"phone_number": made["phone_number"]})["number"]["id"] != made["id"]


def test_pending_with_many_verified_with_one(api: Api, stranger: Api, organizations: Organizations) -> None:
    made = NUMBERS.create(api)
    phone_number = made["phone_number"]
    theirs = NUMBERS.create(stranger, phone_number=phone_number)
    organizations.operate("numbers", "verify", "--org", api.get("/organizations")["id"], "--number", phone_number)
    assert NUMBERS.read(api, made)["verification"] == "verified"
    assert NUMBERS.read(stranger, theirs)["verification"] == "pending"
    stranger.delete(NUMBERS.at(theirs))
    stranger.post("/numbers", {"phone_number": phone_number}, expect=409)


def test_a_number_shows_the_names_of_what_it_uses_and_null_detaches(api: Api) -> None:
    assistant, trunk = ASSISTANTS.create(api, name="Bob"), TRUNKS.create(api, name="Main")
    made = NUMBERS.create(api, agent_id=assistant["id"], transfer_trunk_id=trunk["id"])
    assert made["agent_name"] == made["assistant_name"] == "Bob"
    assert made["assistant_id"] == assistant["id"]
    assert made["business_name"] == assistant["business_name"]
    assert made["transfer_trunk_name"] == "Main"
    api.patch(ASSISTANTS.at(assistant), {"name": "Alice"})
    assert NUMBERS.read(api, made)["agent_name"] == "Alice"
    bare = api.patch(NUMBERS.at(made), {"agent_id": None, "transfer_trunk_id": None, "name": None})["number"]
    assert {bare[n] for n in ("agent_id", "agent_name", "transfer_trunk_id", "transfer_trunk_name", "name")} == {None}
    assert NUMBERS.read(api, made) == bare


def test_what_a_number_uses_cannot_be_deleted(api: Api) -> None:
    assistant, trunk = ASSISTANTS.create(api), TRUNKS.create(api)
    made = NUMBERS.create(api, agent_id=assistant["id"], transfer_trunk_id=trunk["id"])
    for used in (ASSISTANTS.at(assistant), TRUNKS.at(trunk)):
        refused = api.delete(used, expect=409)
        assert made["id"] in str(refused) or made["phone_number"] in str(refused)
    api.patch(NUMBERS.at(made), {"agent_id": None})
    api.delete(ASSISTANTS.at(assistant))
    api.delete(NUMBERS.at(made))
    api.delete(TRUNKS.at(trunk))


@pytest.mark.parametrize("member", ["agent_id", "transfer_trunk_id", "workflow_id"])
def test_a_number_takes_only_what_its_own_organization_has(member: str, api: Api, stranger: Api) -> None:
    theirs = {"agent_id": ASSISTANTS, "transfer_trunk_id": TRUNKS, "workflow_id": NUMBERS}[member].create(stranger)
    made = NUMBERS.create(api)
    for other in (UNKNOWN_ID, theirs["id"]):
        for answer in (
            api.send("PATCH", NUMBERS.at(made), json={member: other}),
            api.send("POST", "/numbers", json={"phone_number": fresh_phone_number(), member: other}),
        ):
            assert answer.status_code in {400, 404}
            assert member in answer.text
    assert NUMBERS.read(api, made) == made
    assert named_in(api.patch(NUMBERS.at(made), {member: "not-an-id"}, expect=400)) == {member}


def test_both_spellings_of_the_assistant_are_taken_and_must_agree(api: Api) -> None:
    assistant, other = ASSISTANTS.create(api)["id"], ASSISTANTS.create(api)["id"]
    made = NUMBERS.create(api, assistant_id=assistant)
    assert made["agent_id"] == made["assistant_id"] == assistant
    same = api.patch(NUMBERS.at(made), {"agent_id": other, "assistant_id": other})["number"]
    assert same["agent_id"] == other
    api.patch(NUMBERS.at(made), {"agent_id": other, "assistant_id": assistant}, expect=400)
    api.patch(NUMBERS.at(made), {"assistant_id": None})
    assert NUMBERS.read(api, made)["agent_id"] is None


ACCEPTED_TRUNKS: list[dict[str, Any]] = [
    {"address": "sip.carrier.example"},
    {"address": "8.8.8.8:5060"},
    {"address": "[2606:4700::1111]:5060"},
    {"transport": "udp"},
    {"transport": "tls"},
    {"inbound_addresses": []},
    {"inbound_addresses": ["203.0.112.0/22", "2001:db8::/48"]},
    {"inbound_addresses": [f"203.0.113.{n}/32" for n in range(30)]},
    {"outbound_proxy": "proxy.carrier.example:5061"},
    {"from_domain": "riverside.example"},
    {"registration": "register"},
    {"transfer_mode": "bridge"},
    {"caller_id": "pass_through"},
    {"srtp": "required"},
    {"is_active": False},
]
REFUSED_TRUNKS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"provider": ""}, "provider"),
    ({"address": ""}, "address"),
    ({"address": "sip:carrier.example"}, "address"),
    ({"address": "carrier.example:0"}, "address"),
    ({"address": "carrier.example:65536"}, "address"),
    ({"address": "10.0.0.1"}, "address"),
    ({"address": "169.254.169.254:80"}, "address"),
    ({"address": "0x7f000001"}, "address"),
    ({"address": "a b.example"}, "address"),
    ({"transport": "sctp"}, "transport"),
    ({"inbound_addresses": ["203.0.112.0/21"]}, "inbound_addresses[0]"),
    ({"inbound_addresses": ["2001:db8::/47"]}, "inbound_addresses[0]"),
    ({"inbound_addresses": ["0.0.0.0/0"]}, "inbound_addresses[0]"),
    ({"inbound_addresses": ["carrier.example"]}, "inbound_addresses[0]"),
    ({"inbound_addresses": ["203.0.113.1/28"]}, "inbound_addresses[0]"),
    ({"inbound_addresses": [f"203.0.113.{n}/32" for n in range(31)]}, "inbound_addresses"),
    ({"inbound_addresses": None}, "inbound_addresses"),
    ({"registration": "always"}, "registration"),
    ({"transfer_mode": "blind"}, "transfer_mode"),
    ({"caller_id": "any"}, "caller_id"),
    ({"srtp": "yes"}, "srtp"),
    ({"is_active": None}, "is_active"),
    ({"auth_password": ""}, "auth_password"),
]


@pytest.mark.parametrize("members", ACCEPTED_TRUNKS, ids=label)
def test_trunk_members_that_are_allowed_are_stored(members: dict[str, Any], api: Api) -> None:
    made = TRUNKS.create(api, **members)
    assert {name: made[name] for name in members} == members
    other = TRUNKS.create(api)
    changed = api.patch(TRUNKS.at(other), members)["trunk"]
    assert {name: changed[name] for name in members} == members
    api.delete(TRUNKS.at(made))


@pytest.mark.parametrize(("members", "named"), REFUSED_TRUNKS, ids=label)
def test_trunk_members_that_are_not_are_refused(members: dict[str, Any], named: str, api: Api) -> None:
    made = TRUNKS.create(api)
    assert named_in(api.patch(TRUNKS.at(made), members, expect=400)) == {named}
    assert named_in(api.post("/sip-trunks", TRUNKS.sample() | members, expect=400)) == {named}
    assert TRUNKS.read(api, made) == made


def test_a_trunks_password_can_rotate_and_is_never_shown(api: Api) -> None:
    made = TRUNKS.create(api)
    answer = api.send("PATCH", TRUNKS.at(made), json={"auth_password": "a new and longer password"})
    assert answer.status_code == 200
    assert "password" not in answer.text
    assert "horse" not in api.send("GET", "/sip-trunks").text


def test_registration_needs_credentials(api: Api) -> None:
    bare = {"name": "x", "provider": "x", "address": "sip.example", "registration": "register"}
    assert named_in(api.post("/sip-trunks", bare, expect=400)) == {"auth_username", "auth_password"}
    made = TRUNKS.create(api, registration="register")
    assert named_in(api.patch(TRUNKS.at(made), {"auth_password": None}, expect=400)) == {"auth_password"}


@pytest.mark.parametrize("name", ["outbound_proxy", "from_domain"])
def test_nullable_trunk_members_clear(name: str, api: Api) -> None:
    made = TRUNKS.create(api, outbound_proxy="proxy.example", from_domain="riverside.example")
    cleared = api.patch(TRUNKS.at(made), {name: None})["trunk"]
    assert cleared[name] is None
    assert TRUNKS.read(api, made) == cleared
