"""`/api-keys` through the frame."""

import pytest
from starlette.testclient import TestClient

from functions.api_keys.router import router
from sovereign.api_keys import ApiKeyStore
from sovereign.api_keys.model import MAX_KEYS_PER_ORGANIZATION
from sovereign.http import create_app
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.table import Table
from sovereign.organizations import NewOrganization, OrganizationStore


@pytest.fixture
def created(table: Table) -> NewOrganization:
    return OrganizationStore(table).create("Acme", billing_mode="unlimited")


@pytest.fixture
def client(created: NewOrganization) -> TestClient:
    return client_with(created.secret)


def client_with(key: str) -> TestClient:
    return TestClient(create_app(router), headers={"Authorization": f"Bearer {key}"}, base_url="http://t/api/v1")


def test_key_is_shown_once_and_works(client: TestClient, table: Table) -> None:
    answer = client.post("api-keys", json={"name": "ci"})
    assert answer.status_code == 201
    key = answer.json()["api_key"]
    assert key["secret"].startswith("fl_live_")
    listed = client_with(key["secret"]).get("api-keys").json()["api_keys"]
    assert {shown["name"] for shown in listed} == {"default", "ci"}
    assert listed[-1] == {name: value for name, value in key.items() if name != "secret"}
    assert key["last_four"] == key["secret"][-4:]
    everything = table._client.scan(TableName=table.name)["Items"]
    assert key["secret"] not in repr(everything)


def test_deleted_key_stops_working_and_can_be_counted_again(client: TestClient, table: Table) -> None:
    key = client.post("api-keys", json={"name": "ci"}).json()["api_key"]
    assert client.delete(f"api-keys/{key['id']}").json() == {"success": True}
    assert client_with(key["secret"]).get("api-keys").status_code == 401
    assert client.delete(f"api-keys/{key['id']}").status_code == 404
    assert len(client.get("api-keys").json()["api_keys"]) == 1


def test_key_in_use_cannot_be_deleted(client: TestClient, created: NewOrganization) -> None:
    assert client.delete(f"api-keys/{created.key.id}").status_code == 409
    assert client.get("api-keys").status_code == 200


def test_key_is_found_by_its_id_in_upper_case(client: TestClient, created: NewOrganization) -> None:
    key = client.post("api-keys", json={"name": "ci"}).json()["api_key"]
    assert client.delete(f"api-keys/{key['id'].upper()}").status_code == 200
    assert client.delete(f"api-keys/{created.key.id.upper()}").status_code == 409


def test_key_of_another_organization_is_not_found(client: TestClient, table: Table) -> None:
    other = OrganizationStore(table).create("Other", billing_mode="unlimited")
    assert client.delete(f"api-keys/{other.key.id}").status_code == 404
    assert client_with(other.secret).get("api-keys").status_code == 200


def test_number_of_keys_is_bounded(client: TestClient, created: NewOrganization, table: Table) -> None:
    store = ApiKeyStore(table)
    for _ in range(MAX_KEYS_PER_ORGANIZATION - 1):
        store.create(created.organization.id, parent_org_id=None, name="x", rate_limit_per_minute=None)
    assert client.post("api-keys", json={"name": "one more"}).status_code == 409


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "rate_limit_per_minute": 1000}])
def test_bad_key_is_400(client: TestClient, body: dict[str, object]) -> None:
    assert client.post("api-keys", json=body).status_code == 400


@pytest.mark.parametrize("limit", [1, None])
def test_limit_reaches_the_grant(created: NewOrganization, table: Table, limit: int | None) -> None:
    store = ApiKeyStore(table)
    store.set_rate_limit(created.organization.id, created.key.id, limit)
    grant = store.find_grant(created.secret)
    assert grant is not None
    assert grant.rate_limit_per_minute == limit
    assert store.list_keys(created.organization.id)[0].rate_limit_per_minute == limit


def test_limit_of_an_unknown_key_is_not_found(created: NewOrganization, table: Table) -> None:
    with pytest.raises(NotFoundError):
        ApiKeyStore(table).set_rate_limit(created.organization.id, "unknown", 5)
