"""What saving the account webhook does to its secret and its endpoint."""

from typing import Any

import pytest
from botocore.client import BaseClient
from starlette.testclient import TestClient

from functions.organizations.router import router
from sovereign.http import create_app
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.table import Put, Table
from sovereign.organizations import NewOrganization, OrganizationStore
from sovereign.webhooks.accounts import StoredAccountWebhooks
from sovereign.webhooks.endpoints import endpoint_ref

URL = "https://example.com/account"


@pytest.fixture
def created(table: Table) -> NewOrganization:
    return OrganizationStore(table).create("Acme", billing_mode="unlimited")


@pytest.fixture
def client(created: NewOrganization) -> TestClient:
    headers = {"Authorization": f"Bearer {created.secret}"}
    return TestClient(create_app(router), headers=headers, base_url="http://t/api/v1")


def test_the_same_secret_sent_again_keeps_the_one_it_replaced(
    client: TestClient, created: NewOrganization, table: Table
) -> None:
    for secret in ("whsec_0123456789abcdef", "whsec_fedcba9876543210", "whsec_fedcba9876543210"):
        assert client.patch("organizations", json={"webhook_url": URL, "webhook_secret": secret}).status_code == 200
    webhook = StoredAccountWebhooks(OrganizationStore(table), default_cipher()).of(created.organization.id)
    assert webhook is not None
    assert webhook.secret is not None
    assert webhook.secret.active(utc_now()) == ("whsec_fedcba9876543210", "whsec_0123456789abcdef")


@pytest.mark.parametrize(
    ("body", "enabled"), [({"webhook_url": URL}, True), ({"announce_rejections": False, "webhook_url": None}, False)]
)
def test_saving_the_url_again_enables_its_endpoint_in_the_same_request(
    client: TestClient,
    created: NewOrganization,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    body: dict[str, Any],
    enabled: bool,
) -> None:
    client.patch("organizations", json={"webhook_url": URL})
    endpoint = endpoint_ref(created.organization.id, URL)
    table.put(Put({**endpoint._asdict(), "disabled_at": "2026-11-22T12:00:00.000Z"}))
    made: list[str] = []
    call = BaseClient._make_api_call
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda c, name, kw: made.append(name) or call(c, name, kw))
    answer = client.patch("organizations", json=body)
    assert len(made) - 1 <= 3  # authentication apart
    assert answer.json()["webhook_url"] == body["webhook_url"]
    assert (table.get(endpoint) is None) is enabled
