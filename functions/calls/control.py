"""Commands to a running call."""

from collections.abc import Mapping
from typing import Any

from functions.calls.schemas import CONTROL_COMMANDS
from sovereign.calls.errors import CallNotFoundError, CallNotInProgressError
from sovereign.calls.model import CallStatus
from sovereign.calls.store import CallStore
from sovereign.catalog.problems import validate
from sovereign.http import limit_control_commands
from sovereign.kernel.errors import InvalidRequestError, InvalidStateError, UnavailableError
from sovereign.kernel.table import Table
from sovereign.nodes.client import NODE_UNREACHABLE, NodeClient

__all__ = ["read_command", "send_command"]


def read_command(given: Mapping[str, Any]) -> dict[str, Any]:
    """The command with its defaults filled in. Raises InvalidRequestError naming each bad member."""
    kind = given.get("type")
    model = CONTROL_COMMANDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise InvalidRequestError(details=[f"type: must be one of {', '.join(CONTROL_COMMANDS)}"])
    return validate(model, given).model_dump()


def send_command(
    table: Table, store: CallStore, nodes: NodeClient, *, org_id: str, call_id: str, given: Mapping[str, Any]
) -> None:
    """Have the call's node carry out a command (two reads and the count against ten a minute).

    Raises InvalidRequestError, CallNotFoundError, CallNotInProgressError, RateLimitedError, InvalidStateError with the
    node's own code when it refuses, UnavailableError when it cannot be reached.
    """
    command = read_command(given)
    ref = store.rows.find(org_id, call_id)
    if ref is None:
        raise CallNotFoundError
    call = store.rows.get(ref)
    if call.status is not CallStatus.IN_PROGRESS or call.node_id is None:
        raise CallNotInProgressError
    limit_control_commands(table, call_id)
    answer = nodes.control(call.node_id, org_id, call_id, command)
    if answer.ok:
        return
    if answer.code == NODE_UNREACHABLE:
        raise UnavailableError(
            "The media node of the call did not answer; the command may not have been carried out.", retry_after=2
        )
    raise InvalidStateError(answer.message, code=answer.code)
