"""The SIP trunk routes, through the real frame."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.sip_trunks.router import router
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Ref, Table
from sovereign.sip_trunks import TrunkStore, is_known_source
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Api, Requests

TRUNK = {"name": "Carrier", "provider": "acme", "address": "sip.example.com"}


@pytest.fixture
def client(api: Api) -> TestClient:
    return api(router)


def create(client: TestClient, **members: Any) -> dict[str, Any]:
    answer = client.post("sip-trunks", json={**TRUNK, **members})
    assert answer.status_code == 201, answer.text
    trunk: dict[str, Any] = answer.json()["trunk"]
    return trunk


def test_create_shows_every_default(client: TestClient) -> None:
    made = create(client)
    for name in ("id", "created_at", "updated_at"):
        assert made.pop(name)
    assert made == {
        **TRUNK,
        "org_id": ORG,
        "transport": "udp",
        "auth_username": None,
        "is_active": True,
        "inbound_addresses": [],
        "outbound_proxy": None,
        "from_domain": None,
        "registration": "none",
        "transfer_mode": "auto",
        "caller_id": "own",
        "srtp": "off",
        "max_concurrent_calls": None,
        "calls_per_second": None,
    }


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"address": "sip.example.com:99999"}, "address"),
        ({"address": "10.0.0.5"}, "address"),
        ({"address": "127.0.0.1:5060"}, "address"),
        ({"address": "[::1]:5060"}, "address"),
        ({"address": "2001:db8::1"}, "address"),
        ({"address": "0x7f000001"}, "address"),
        ({"address": "2130706433"}, "address"),
        ({"address": "localhost"}, "address"),
        ({"address": "sip:example.com"}, "address"),
        ({"address": ""}, "address"),
        ({"outbound_proxy": "192.168.1.1"}, "outbound_proxy"),
        ({"inbound_addresses": ["203.0.112.0/21"]}, "inbound_addresses[0]"),
        ({"inbound_addresses": ["2a00::/47"]}, "inbound_addresses[0]"),
        ({"inbound_addresses": ["8.8.8.8/24"]}, "inbound_addresses[0]"),
        ({"inbound_addresses": ["carrier.example"]}, "inbound_addresses[0]"),
        ({"inbound_addresses": ["::ffff:8.8.8.8"]}, "inbound_addresses[0]"),
        ({"inbound_addresses": ["8.8.8.8", "8.8.8.8/32"]}, "inbound_addresses"),
        ({"transport": "sctp"}, "transport"),
        ({"registration": "register"}, "auth_username"),
        ({"auth_password": "secret"}, "auth_username"),
        ({"auth_username": "a;regint=1", "auth_password": "secret"}, "auth_username"),
        ({"auth_username": "a\r\nContact: <sip:x>"}, "auth_username"),
        ({"auth_username": "a", "auth_password": 'se"cret'}, "auth_password"),
        ({"auth_username": "a", "auth_password": "se\ncret"}, "auth_password"),
        ({"port": 5060}, "port"),
        ({"max_concurrent_calls": 0}, "max_concurrent_calls"),
        ({"max_concurrent_calls": 2.5}, "max_concurrent_calls"),
        ({"calls_per_second": 0.05}, "calls_per_second"),
        ({"calls_per_second": 101}, "calls_per_second"),
        ({"calls_per_second": True}, "calls_per_second"),
        ({"name": None}, "name"),
    ],
)
def test_bad_member_is_named(client: TestClient, members: dict[str, Any], path: str) -> None:
    answer = client.post("sip-trunks", json={**TRUNK, **members})
    assert answer.status_code == 400
    assert answer.json()["details"][0].split(": ")[0] == path


@pytest.mark.parametrize("address", ["sip.example.com", "sip.example.com:5061", "8.8.8.8:5060", "[2a00:1450::1]:5060"])
def test_address_forms_are_accepted(client: TestClient, address: str) -> None:
    assert create(client, address=address)["address"] == address


def test_single_addresses_become_ranges(client: TestClient) -> None:
    made = create(client, inbound_addresses=["8.8.8.8", "8.8.4.0/22", "2a00:1450::/48"])
    assert made["inbound_addresses"] == ["8.8.8.8/32", "8.8.4.0/22", "2a00:1450::/48"]


def test_password_is_never_shown_and_lies_encrypted(client: TestClient, table: Table, cipher: Cipher) -> None:
    made = create(client, auth_username="u", auth_password="hunter22hunter22")
    item = table.get(Ref(f"ORG#{ORG}", f"TRUNK#{made['id']}"))
    store = TrunkStore(table, cipher)
    assert "auth_password" not in made
    assert "hunter22" not in str(item)
    assert store.password(store.get(ORG, made["id"])) == "hunter22hunter22"


def test_patch_rotates_the_password_and_leaves_the_rest(client: TestClient, table: Table, cipher: Cipher) -> None:
    made = create(client, auth_username="u", auth_password="first")
    answer = client.patch(f"sip-trunks/{made['id']}", json={"auth_password": "second"})
    store = TrunkStore(table, cipher)
    assert answer.json()["trunk"] == {**made, "updated_at": answer.json()["trunk"]["updated_at"]}
    assert store.password(store.get(ORG, made["id"])) == "second"
    client.patch(f"sip-trunks/{made['id']}", json={"auth_password": None})
    assert store.password(store.get(ORG, made["id"])) is None


def test_whole_object_can_be_sent_back(client: TestClient) -> None:
    made = create(client, inbound_addresses=["8.8.8.8"])
    answer = client.patch(f"sip-trunks/{made['id']}", json={**made, "name": "Renamed"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["trunk"]["name"] == "Renamed"


def test_sources_are_known_while_an_active_trunk_lists_them(client: TestClient, table: Table) -> None:
    made = create(client, inbound_addresses=["8.8.4.0/22", "2a00:1450::/48"])
    assert is_known_source(table, "8.8.7.255")
    assert is_known_source(table, "2a00:1450:0:1::7")
    assert not is_known_source(table, "8.8.8.0")
    client.patch(f"sip-trunks/{made['id']}", json={"is_active": False})
    assert not is_known_source(table, "8.8.7.255")
    client.patch(f"sip-trunks/{made['id']}", json={"is_active": True, "inbound_addresses": ["8.8.8.8"]})
    assert is_known_source(table, "::ffff:8.8.8.8")
    client.delete(f"sip-trunks/{made['id']}")
    assert not is_known_source(table, "8.8.8.8")
    assert not is_known_source(table, "garbage")


def test_unknown_and_foreign_ids_are_not_found(client: TestClient, api: Api) -> None:
    made = create(client)
    stranger = api(router, org_id=OTHER_ORG)
    for who, trunk_id in ((client, UNKNOWN_ID), (client, "x#y"), (stranger, made["id"])):
        assert who.get(f"sip-trunks/{trunk_id.replace('#', '%23')}").status_code == 404
        assert who.patch(f"sip-trunks/{trunk_id.replace('#', '%23')}", json={"name": "A"}).status_code == 404
        assert who.delete(f"sip-trunks/{trunk_id.replace('#', '%23')}").status_code == 404
    assert client.get("sip-trunks").json() == {"trunks": [made]}


def test_routes_stay_within_their_table_requests(client: TestClient, requests_made: Requests) -> None:
    made = create(client, inbound_addresses=[f"8.8.8.{n}" for n in range(30)])
    assert len(requests_made) <= 3
    for send, limit in (
        (lambda: client.get("sip-trunks"), 2),
        (lambda: client.get(f"sip-trunks/{made['id']}"), 2),
        (lambda: client.patch(f"sip-trunks/{made['id']}", json={"inbound_addresses": ["9.9.9.9"]}), 3),
        (lambda: client.delete(f"sip-trunks/{made['id']}"), 3),
    ):
        requests_made.clear()
        assert send().status_code == 200
        assert len(requests_made) <= limit


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"srtp": "required"}, ["srtp"]),
        ({"transport": "tls"}, ["transport"]),
        ({"registration": "register", "auth_username": "a", "auth_password": "b"}, ["registration"]),
        ({"srtp": "optional", "transport": "tls"}, ["srtp", "transport"]),
    ],
)
def test_member_without_effect_is_kept_and_warned_of(
    client: TestClient, members: dict[str, Any], named: list[str]
) -> None:
    answer = client.post("sip-trunks", json=TRUNK | members).json()
    assert [warning.split(":")[0] for warning in answer["warnings"]] == named
    path = f"sip-trunks/{answer['trunk']['id']}"
    assert client.patch(path, json={"name": "Other"}).json()["warnings"] == answer["warnings"]
    mended = client.patch(path, json={"srtp": "off", "transport": "udp", "registration": "none"}).json()
    assert "warnings" not in mended
