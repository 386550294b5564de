"""Invoked by routes through `sovereign.nodes.NodeClient`."""

from dataclasses import asdict
from functools import cache
from typing import Any

from functions.node_gateway import pinned_https
from functions.node_gateway.gateway import Gateway
from functions.node_gateway.schemas import REQUEST, DialRequest
from sovereign.kernel.clock import utc_now
from sovereign.kernel.observe import logger
from sovereign.kernel.secrets import read_secret
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.nodes.store import NodeStore


class GatewayEnvironment(Environment):
    """TABLE_NAME and the secret node requests are signed with."""

    table_name: str
    control_secret_id: str


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do what the event asks and tell whether it was really done. An unreadable event raises."""
    request = REQUEST.validate_python(event)
    if isinstance(request, DialRequest):
        answer = _gateway().dial(request.org_id, request.call_id)
    else:
        answer = _gateway().control(request.node_id, request.org_id, request.call_id, request.command)
    logger().info("node_asked", action=request.action, call_id=request.call_id, ok=answer.ok, code=answer.code)
    return asdict(answer)


@cache
def _gateway() -> Gateway:
    environment = read_environment(GatewayEnvironment)
    return Gateway(
        NodeStore(Table(environment.table_name)),
        pinned_https.post,
        lambda: read_secret(environment.control_secret_id),
        utc_now,
    )
