"""The way from a function to a media node: through the gateway function, which alone can reach nodes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from sovereign.kernel import aws

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["NODE_UNREACHABLE", "NO_CAPACITY", "NodeAnswer", "NodeClient"]

NO_CAPACITY: Final = "no_capacity"
"""Every node said no: certainly nothing was done."""
NODE_UNREACHABLE: Final = "node_unreachable"
"""No answer came: it may have been done nevertheless."""


@dataclass(frozen=True)
class NodeAnswer:
    """What a node said. With `ok` it was really done; else `code` says why not, and `message` tells a person."""

    ok: bool
    code: str | None = None
    message: str | None = None


class NodeClient:
    """Asks the gateway function once and waits for its answer, 25 s at most. Never raises for a failed request:
    without an answer the code is `NODE_UNREACHABLE`."""

    def __init__(self, function_name: str, client: "LambdaClient | None" = None) -> None:
        self._function_name = function_name
        self._client = client or aws.lambda_client_sending_once()

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        """Give an outbound call to the node with most free capacity, or the next one if it declines."""
        return self._ask({"action": "dial", "org_id": org_id, "call_id": call_id})

    def control(self, node_id: str, org_id: str, call_id: str, command: Mapping[str, Any]) -> NodeAnswer:
        """Send a command (`{"type": ..., ...}`) to the node that carries a call."""
        request = {"action": "control", "node_id": node_id, "org_id": org_id, "call_id": call_id}
        return self._ask(request | {"command": dict(command)})

    def _ask(self, request: dict[str, Any]) -> NodeAnswer:
        try:
            answer = self._client.invoke(FunctionName=self._function_name, Payload=json.dumps(request).encode())
            if answer.get("FunctionError"):
                return NodeAnswer(ok=False, code=NODE_UNREACHABLE)
            told = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError, ValueError):
            return NodeAnswer(ok=False, code=NODE_UNREACHABLE)
        return NodeAnswer(ok=told["ok"] is True, code=told.get("code"), message=told.get("message"))
