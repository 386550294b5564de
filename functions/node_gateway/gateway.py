"""Which node a request goes to, the signed request itself, and what its answer means."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from functions.node_gateway.pinned_https import NotSentError, Response, UnansweredError
from sovereign.kernel.clock import Clock
from sovereign.nodes.client import NO_CAPACITY, NODE_UNREACHABLE, NodeAnswer
from sovereign.nodes.model import Node, by_free_capacity
from sovereign.nodes.signing import SignedRequest, sign

__all__ = ["Gateway", "Sender"]

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 5.0
DIAL_ATTEMPTS: Final = 3
"""Nodes asked to take a call: three times connecting and answering stays below the 25 s a route waits."""


class Nodes(Protocol):
    """Where nodes are looked up (`sovereign.nodes.store.NodeStore`)."""

    def get(self, node_id: str) -> Node | None:
        """One node."""

    def all(self) -> Iterable[Node]:
        """Every node."""


class Sender(Protocol):
    """How a request is sent (`pinned_https.post`)."""

    def __call__(
        self,
        address: str,
        path: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        certificate_pem: str,
        connect_seconds: float,
        answer_seconds: float,
    ) -> Response:
        """Send and return the answer."""


@dataclass(frozen=True)
class Gateway:
    """Reaches nodes. `secret` returns the control secret."""

    nodes: Nodes
    send: Sender
    secret: Callable[[], str]
    clock: Clock

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        """Give a call to the emptiest node. A node that declined or was not reached is followed by the next; one that
        may have taken it is not."""
        answer = NodeAnswer(ok=False, code=NO_CAPACITY)
        for node in by_free_capacity(self.nodes.all(), self.clock())[:DIAL_ATTEMPTS]:
            answer = self._ask(node, org_id, call_id, "dial", {"org_id": org_id})
            if answer.ok or answer.code not in (NO_CAPACITY, _NOT_SENT):
                return answer
        return NodeAnswer(ok=False, code=NO_CAPACITY, message=answer.message)

    def control(self, node_id: str, org_id: str, call_id: str, command: Mapping[str, Any]) -> NodeAnswer:
        """Send a command to the node that carries the call."""
        node = self.nodes.get(node_id)
        if node is None:
            return NodeAnswer(ok=False, code=NODE_UNREACHABLE)
        answer = self._ask(node, org_id, call_id, "control", {"org_id": org_id, "command": command})
        return NodeAnswer(ok=False, code=NODE_UNREACHABLE) if answer.code == _NOT_SENT else answer

    def _ask(self, node: Node, org_id: str, call_id: str, verb: str, content: Mapping[str, Any]) -> NodeAnswer:
        path, body = f"/v1/calls/{call_id}/{verb}", json.dumps(content).encode()
        request = SignedRequest("POST", path, body, node.node_id, call_id, org_id)
        try:
            response = self.send(
                node.control_address,
                path,
                body=body,
                headers=self._signed(request, self.clock()),
                certificate_pem=node.certificate_pem,
                connect_seconds=CONNECT_SECONDS,
                answer_seconds=ANSWER_SECONDS,
            )
        except NotSentError:
            return NodeAnswer(ok=False, code=_NOT_SENT)
        except UnansweredError:
            return NodeAnswer(ok=False, code=NODE_UNREACHABLE)
        return _told(response)

    def _signed(self, request: SignedRequest, now: datetime) -> dict[str, str]:
        return sign(self.secret(), request, now)


_NOT_SENT: Final = "not_sent"


def _told(response: Response) -> NodeAnswer:
    """A node's answer; only a 2xx with `ok: true` counts as done."""
    try:
        told = json.loads(response.body)
    except ValueError:
        told = None
    # a node that failed may have done it before; only a 503 is a clear no
    if not isinstance(told, dict) or (response.status // 100 == 5 and response.status != 503):
        return NodeAnswer(ok=False, code=NODE_UNREACHABLE)
    if response.status // 100 == 2 and told.get("ok") is True:
        return NodeAnswer(ok=True)
    code, message = told.get("code"), told.get("message")
    return NodeAnswer(
        ok=False,
        code=code if isinstance(code, str) else NODE_UNREACHABLE,
        message=message if isinstance(message, str) else None,
    )
