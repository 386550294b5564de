"""An organization with one of everything, all routes over one table in moto, and a count of what a request costs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any

import boto3
import pytest
from starlette.testclient import TestClient

from bench.requests import Seen, Watch
from functions.calls.router import node_client
from functions.domains.router import key_ring
from infra.resources import API_RESOURCES
from sovereign.api_keys.store import creation_writes, new_api_key
from sovereign.calls.model import CallOutcome, CallRef, CallStatus, EndReason, Message
from sovereign.calls.store import CallFilters, CallStore
from sovereign.domains import DomainService
from sovereign.domains.model import RemoteDomain
from sovereign.domains.resend import ResendAccount
from sovereign.http import create_app
from sovereign.kernel import aws, settings
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.secrets import forget_secrets
from sovereign.kernel.table import Put, Table
from sovereign.mcp_servers import probe
from sovereign.mcp_servers.probe import Found
from sovereign.nodes.client import NodeAnswer
from sovereign.numbers import NumberStore
from sovereign.organizations.items import to_item
from tests.component.assistants.fixtures import ORG, organization
from tests.component.calls.harness import FakeClock, moto_table, new_call
from tests.component.webhooks.world import World

POLICY = {"max_calls_per_minute": 1000, "max_concurrent_calls": 1000}
_ENVIRONMENT = {
    "SIGNING_SECRET_ID": "signing",
    "DEFAULT_PROVIDERS": "local",
    "NODE_GATEWAY_FUNCTION": "gateway",
    "RECORDINGS_BUCKET": "recordings",
    "IMPORTS_BUCKET": "imports",
    "API_URL_PARAMETER": "/sovereign/api-url",
    "SECRET_PREFIX": "sovereign",
    "PLATFORM_KEYS_SECRET_ID": "platform",
}
_serial = count()


@dataclass
class Scene:
    """What the routes need, and `ids` of what stands there to be read."""

    client: TestClient
    table: Table
    calls: CallStore
    webhooks: World
    watch: Watch
    ids: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer's body; anything but success is an error of the scene."""
        answer = self.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def counted(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Seen]:
        """The status of a request, and what it asked of AWS."""
        with self.watch.during() as seen:
            answer = self.client.request(method, f"/api/v1{path}", json=body, headers=headers, follow_redirects=False)
        return answer.status_code, seen

    def make(self, path: str, body: Any) -> str:
        """The id of a new object."""
        [made] = self.send("POST", path, body).values()
        return str(made["id"])

    def running_call(self) -> CallRef:
        """A call in progress on a node."""
        call = self.calls.starts.create(new_call(org_id=ORG, ringing=True), node_id="node")
        self.calls.lifecycle.mark_answered(call.ref)
        return call.ref

    def delivery(self) -> str:
        """A webhook delivery that is done."""
        ref = self.webhooks.start_call()
        self.webhooks.deliverer.deliver_fact(self.webhooks.fact(ref, 1))
        return f"{ref.call_id}.1"


def fresh_number() -> str:
    """A valid number nobody has used here."""
    return f"+3162{next(_serial):07d}"


def fresh_name(kind: str) -> str:
    """A name nothing else has here."""
    return f"{kind}-{next(_serial)}"


class WillingNodes:
    """In place of the way to the media nodes: does what it is told."""

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        return NodeAnswer(ok=True)

    def control(self, node_id: str, org_id: str, call_id: str, command: Any) -> NodeAnswer:
        return NodeAnswer(ok=True)


class Resend(ResendAccount):
    """In place of an account there; it knows every domain."""

    def create(self, name: str) -> RemoteDomain:
        return RemoteDomain("resend-1", name, "pending", "eu-west-1", utc_now(), [])

    def get(self, domain_id: str) -> RemoteDomain:
        return RemoteDomain(domain_id, "mail.example.com", "pending", "eu-west-1", utc_now(), [])

    def list(self) -> list[RemoteDomain]:
        return [self.get("resend-1")]

    def verify(self, domain_id: str) -> None:
        pass

    def delete(self, domain_id: str) -> None:
        pass


@contextmanager
def furnished() -> Iterator[Scene]:
    """A scene of its own."""
    with pytest.MonkeyPatch.context() as patch, moto_table(patch) as table:
        for name, value in _ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr("functions.domains.router.DomainService", partial(DomainService, account=Resend))
        patch.setattr(probe, "find_tools", lambda *_: Found(1, tools=[]))
        _make_services(patch)
        _forget()
        yield _furnish(table, patch)
    _forget()


def _make_services(patch: pytest.MonkeyPatch) -> None:
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="signing", SecretString="0" * 64)
    secrets.create_secret(Name="platform", SecretString=json.dumps({"resend": "re_123"}))
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="imports")
    aws.client("ssm").put_parameter(Name="/sovereign/api-url", Value="https://api.example", Type="String")
    patch.setenv("KMS_KEY_ID", aws.client("kms").create_key()["KeyMetadata"]["KeyId"])


def _furnish(table: Table, patch: pytest.MonkeyPatch) -> Scene:
    table.put(Put(to_item(organization(ORG))))
    key, secret = new_api_key(ORG, "test", None, utc_now())
    table.transact(creation_writes(key, None))
    webhooks = World(table, FakeClock(utc_now()))
    patch.setenv("DELIVERY_QUEUE_URL", webhooks.queue_url)
    settings.read_environment.cache_clear()
    app = create_app(*(import_module(f"functions.{row.name}.router").router for row in API_RESOURCES))
    app.dependency_overrides[node_client] = WillingNodes
    client = TestClient(app, headers={"Authorization": f"Bearer {secret}"}, raise_server_exceptions=False)
    scene = Scene(client, table, CallStore(table), webhooks, Watch())
    _fill(scene)
    return scene


def _fill(scene: Scene) -> None:
    """Something to read of each kind."""
    scene.send("PATCH", "/organizations", {"outbound_policy": POLICY | {"allowed_countries": ["US", "NL"]}})
    trunk = scene.make("/sip-trunks", {"name": "Carrier", "provider": "custom", "address": "sip.example.com"})
    number = scene.make("/numbers", {"phone_number": fresh_number(), "transfer_trunk_id": trunk})
    NumberStore(scene.table).verify(ORG, number)
    past = _past(scene.calls)
    scene.ids = {"trunk": trunk, "number": number, "call": past.call_id, "delivery": scene.delivery()}


def _past(calls: CallStore) -> CallRef:
    """A few calls with all they have; the last one's recording can be had."""
    for direction in ("inbound", "outbound") * 3:
        call = calls.starts.create(new_call(org_id=ORG, direction=direction, agent_id="agent", ringing=True))
        calls.lifecycle.mark_answered(call.ref)
        calls.content.append_messages(call.ref, 0, [Message("user", "Hello")])
        calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
        calls.content.save_after_call(call.ref, summary="Hello.")
        calls.content.mark_recorded(call.ref)
    assert calls.reading.page(ORG, offset=0, limit=9, filters=CallFilters(status=CallStatus.ENDED)).total == 6
    return call.ref


def _forget() -> None:
    settings.read_environment.cache_clear()
    default_cipher.cache_clear()
    key_ring.cache_clear()
    forget_secrets()
