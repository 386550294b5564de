"""The control server over real TLS, with its certificate pinned as the gateway pins it."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from media.capacity import Capacity
from media.control.certificate import make_certificate
from media.control.orders import AdmitAnswer, AdmitRequest, OrderRefusedError
from media.control.server import ControlError, ControlServer
from media.settings import HostPort
from sovereign.kernel.clock import utc_now
from sovereign.nodes.signing import SignedRequest, sign

from .conftest import free_port

SECRET = "0123456789abcdef"


class Orders:
    def __init__(self) -> None:
        self.dialled: list[tuple[str, str]] = []
        self.commands: list[tuple[str, str, Mapping[str, Any]]] = []
        self.admitted: list[AdmitRequest] = []
        self.room = True
        self.error: Exception | None = None

    def dial(self, org_id: str, call_id: str) -> bool:
        self.dialled.append((org_id, call_id))
        return self.room

    async def command(self, org_id: str, call_id: str, command: Mapping[str, Any]) -> None:
        if self.error:
            raise self.error
        self.commands.append((org_id, call_id, command))

    async def admit(self, request: AdmitRequest) -> AdmitAnswer:
        self.admitted.append(request)
        return AdmitAnswer("reject", 404, "Unknown number")


class Node:
    def __init__(self) -> None:
        self.orders, self.capacity, self.port = Orders(), Capacity(3), free_port()
        self.server = ControlServer(node_id="node-1", secret=SECRET, orders=self.orders, capacity=self.capacity)
        self.certificate = make_certificate("node-1", "127.0.0.1")
        self.pinned = ssl.create_default_context(cadata=self.certificate.pem)
        self.pinned.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.pinned))

    async def ask(
        self, path: str, body: Any, *, call: str = "call-1", org: str = "org-1", **changes: Any
    ) -> tuple[int, dict[str, Any]]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = SignedRequest("POST", changes.get("signed_path", path), raw, changes.get("node", "node-1"), call, org)
        headers = changes.get("headers") or sign(
            changes.get("secret", SECRET), signed, utc_now() + changes.get("off", timedelta())
        )
        async with self.session.post(f"https://127.0.0.1:{self.port}{path}", data=raw, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    await made.server.start(HostPort("127.0.0.1", made.port), made.certificate)
    yield made
    await made.session.close()
    await made.server.close()


async def test_dial_is_accepted_or_refused_for_capacity(node: Node) -> None:
    assert await node.ask("/v1/calls/call-1/dial", {"org_id": "org-1"}) == (202, {"ok": True})
    assert node.orders.dialled == [("org-1", "call-1")]
    node.orders.room = False
    status, answer = await node.ask("/v1/calls/call-1/dial", {"org_id": "org-1"})
    assert (status, answer["ok"], answer["code"]) == (503, False, "no_capacity")


async def test_command_is_done_or_refused_with_its_code(node: Node) -> None:
    body = {"org_id": "org-1", "command": {"type": "say", "content": "x"}}
    assert await node.ask("/v1/calls/call-1/control", body) == (200, {"ok": True})
    assert node.orders.commands == [("org-1", "call-1", {"type": "say", "content": "x"})]
    node.orders.error = OrderRefusedError("unsupported_by_realtime_model", "cannot")
    status, answer = await node.ask("/v1/calls/call-1/control", body)
    assert (status, answer) == (409, {"ok": False, "code": "unsupported_by_realtime_model", "message": "cannot"})


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "another"},
        {"node": "node-2"},
        {"signed_path": "/v1/calls/call-2/dial"},
        {"off": timedelta(seconds=-31)},
        {"off": timedelta(seconds=31)},
        {"headers": {"X-Other": "1"}},
    ],
)
async def test_badly_signed_request_is_refused_unread(node: Node, changes: dict[str, Any]) -> None:
    status, answer = await node.ask("/v1/calls/call-1/dial", {"org_id": "org-1"}, **changes)
    assert (status, answer["code"]) == (401, "unauthorized")
    assert node.orders.dialled == []


async def test_replayed_request_is_refused(node: Node) -> None:
    raw = json.dumps({"org_id": "org-1"}).encode()
    headers = sign(SECRET, SignedRequest("POST", "/v1/calls/call-1/dial", raw, "node-1", "call-1", "org-1"), utc_now())
    assert (await node.ask("/v1/calls/call-1/dial", raw, headers=headers))[0] == 202
    assert (await node.ask("/v1/calls/call-1/dial", raw, headers=headers))[0] == 401
    assert len(node.orders.dialled) == 1


@pytest.mark.parametrize("body", [{"org_id": "org-2"}, {}, {"org_id": 5}, [], b"not json", b"\xff", b"[" * 20_000])
async def test_body_that_does_not_match_what_was_signed_is_refused(node: Node, body: Any) -> None:
    status, answer = await node.ask("/v1/calls/call-1/dial", body)
    assert (status, answer["code"]) == (409, "invalid_request")
    assert node.orders.dialled == []


async def test_call_in_the_path_must_be_the_signed_one(node: Node) -> None:
    status, _ = await node.ask("/v1/calls/call-1/dial", {"org_id": "org-1"}, call="call-2")
    assert status == 409
    assert node.orders.dialled == []


async def test_admission_question_is_answered(node: Node) -> None:
    body = {"source": "192.0.2.1", "transport": "udp", "request_uri": "sip:+31@h", "from": "<sip:a@b>"}
    status, answer = await node.ask("/admit", body, call="", org="")
    assert (status, answer) == (200, {"action": "reject", "code": 404, "reason": "Unknown number"})
    assert node.orders.admitted[0].caller == "<sip:a@b>"
    assert (await node.ask("/admit", {"source": 1}, call="", org=""))[0] == 409


async def test_defect_says_nothing_internal(node: Node) -> None:
    node.orders.error = RuntimeError("secret detail")
    status, answer = await node.ask("/v1/calls/call-1/control", {"org_id": "org-1", "command": {"type": "say"}})
    assert status == 500
    assert "secret" not in json.dumps(answer)


async def test_too_large_body_and_unknown_path_answer_in_our_shape(node: Node) -> None:
    status, answer = await node.ask("/v1/calls/call-1/dial", b"x" * 70_000)
    assert (status, answer["ok"]) == (413, False)
    status, answer = await node.ask("/nothing", {})
    assert (status, answer["ok"]) == (404, False)


async def test_health_needs_no_signature_and_tells_the_state(node: Node) -> None:
    async def health() -> dict[str, Any]:
        async with node.session.get(f"https://127.0.0.1:{node.port}/health") as answer:
            assert answer.status == 200
            return dict(await answer.json())

    slot = node.capacity.reserve()
    assert slot
    assert await health() == {"status": "ok", "active_calls": 1, "capacity": 3, "state": "accepting"}
    node.capacity.drain()
    assert (await health())["state"] == "draining"


async def test_other_certificate_is_not_trusted(node: Node) -> None:
    other = ssl.create_default_context(cadata=make_certificate("node-1", "127.0.0.1").pem)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=other)) as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(f"https://127.0.0.1:{node.port}/health")


async def test_port_in_use_is_one_clear_line(node: Node) -> None:
    second = ControlServer(node_id="n", secret=SECRET, orders=node.orders, capacity=node.capacity)
    with pytest.raises(ControlError, match=rf"CONTROL_LISTEN: 127\.0\.0\.1:{node.port} is not available"):
        await second.start(HostPort("127.0.0.1", node.port), node.certificate)
