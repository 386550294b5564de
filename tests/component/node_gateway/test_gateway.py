"""Which nodes are asked, with what, and what their answers mean."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions.node_gateway.gateway import Gateway
from functions.node_gateway.pinned_https import NotSentError, Response, UnansweredError
from functions.node_gateway.schemas import REQUEST
from sovereign.nodes.client import NodeAnswer
from sovereign.nodes.model import Node, NodeState
from sovereign.nodes.signing import ReplayCache, verify
from tests.component.calls.harness import START

Answer = Response | Exception


class Nodes:
    def __init__(self, *nodes: Node) -> None:
        self.nodes = nodes

    def get(self, node_id: str) -> Node | None:
        return next((node for node in self.nodes if node.node_id == node_id), None)

    def all(self) -> list[Node]:
        return list(self.nodes)


class Sent:
    """Stands in for the network: answers by address, and checks each signature as a node would."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def __call__(
        self, address: str, path: str, *, body: bytes, headers: Any, certificate_pem: str, **_: float
    ) -> Response:
        verify(
            "secret",
            method="POST",
            path=path,
            body=body,
            headers=headers,
            node_id=address,
            now=START,
            seen=ReplayCache(),
        )
        assert certificate_pem == f"PEM of {address}"
        self.asked.append((address, path, json.loads(body)))
        answer = self.answers[address]
        if isinstance(answer, Exception):
            raise answer
        return answer


def node(name: str, active: int = 0, **changes: Any) -> Node:
    made = Node(
        node_id=name, control_address=name, certificate_pem=f"PEM of {name}", heartbeat_at=START, started_at=START,
        capacity=10, active_calls=active,
    )  # fmt: skip
    return replace(made, **changes)


def told(status: int, **body: Any) -> Response:
    return Response(status, json.dumps(body).encode())


DONE = told(202, ok=True)
FULL = told(503, ok=False, code="no_capacity")


@pytest.fixture
def make() -> Callable[..., tuple[Gateway, Sent]]:
    def build(nodes: list[Node], answers: dict[str, Answer]) -> tuple[Gateway, Sent]:
        sent = Sent(answers)
        return Gateway(Nodes(*nodes), sent, lambda: "secret", lambda: START), sent

    return build


def test_dial_goes_to_the_emptiest_node(make: Any) -> None:
    gateway, sent = make([node("a", 5), node("b", 1)], {"b": DONE})
    assert gateway.dial("org", "call-1") == NodeAnswer(ok=True)
    assert sent.asked == [("b", "/v1/calls/call-1/dial", {"org_id": "org"})]


@pytest.mark.parametrize("first", [FULL, NotSentError("refused")])
def test_dial_goes_on_after_a_node_that_certainly_did_not_take_it(make: Any, first: Answer) -> None:
    gateway, sent = make([node("a"), node("b", 1)], {"a": first, "b": DONE})
    assert gateway.dial("org", "call-1").ok
    assert [asked[0] for asked in sent.asked] == ["a", "b"]


def test_dial_stops_at_a_node_that_may_have_taken_it(make: Any) -> None:
    gateway, sent = make([node("a"), node("b", 1)], {"a": UnansweredError("timeout"), "b": DONE})
    assert gateway.dial("org", "call-1") == NodeAnswer(ok=False, code="node_unreachable")
    assert [asked[0] for asked in sent.asked] == ["a"]


def test_dial_asks_three_nodes_at_most(make: Any) -> None:
    names = ["a", "b", "c", "d"]
    gateway, sent = make([node(name) for name in names], dict.fromkeys(names, FULL))
    assert gateway.dial("org", "call-1").code == "no_capacity"
    assert len(sent.asked) == 3


def test_dial_without_a_fit_node_is_no_capacity(make: Any) -> None:
    gateway, sent = make([node("a", 10), node("b", state=NodeState.DRAINING)], {})
    assert gateway.dial("org", "call-1") == NodeAnswer(ok=False, code="no_capacity")
    assert sent.asked == []


def test_control_reaches_a_draining_node(make: Any) -> None:
    gateway, sent = make([node("a", state=NodeState.DRAINING)], {"a": told(200, ok=True)})
    assert gateway.control("a", "org", "call-1", {"type": "end-call"}).ok
    assert sent.asked == [("a", "/v1/calls/call-1/control", {"org_id": "org", "command": {"type": "end-call"}})]


def test_refused_command_brings_its_code_and_message(make: Any) -> None:
    refusal = told(409, ok=False, code="unsupported_by_realtime_model", message="no")
    gateway, _ = make([node("a")], {"a": refusal})
    answer = gateway.control("a", "org", "call-1", {"type": "say"})
    assert answer == NodeAnswer(ok=False, code="unsupported_by_realtime_model", message="no")


@pytest.mark.parametrize(
    "answer",
    [
        NotSentError("x"), UnansweredError("x"), Response(200, b"<html>"), Response(200, b"[]"),
        told(200, ok=False), told(200, ok="yes"), told(500, ok=True), told(409, ok=False, code=7),
        told(500, ok=False, code="internal_error"),
    ],
)  # fmt: skip
def test_anything_but_a_clear_yes_or_no_is_unreachable(make: Any, answer: Answer) -> None:
    gateway, _ = make([node("a")], {"a": answer})
    assert gateway.control("a", "org", "call-1", {"type": "say"}) == NodeAnswer(ok=False, code="node_unreachable")


def test_unknown_node_is_unreachable(make: Any) -> None:
    gateway, _ = make([], {})
    assert gateway.control("gone", "org", "call-1", {}).code == "node_unreachable"


@pytest.mark.parametrize(
    "event",
    [{}, {"action": "dial", "org_id": "o", "call_id": "../x"}, {"action": "other", "org_id": "o", "call_id": "c"},
     {"action": "control", "org_id": "o", "call_id": "c"}],
)  # fmt: skip
def test_unreadable_event_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        REQUEST.validate_python(event)
