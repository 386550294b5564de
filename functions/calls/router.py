"""Routes of calls."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import RedirectResponse
from pydantic import AfterValidator

from functions.calls.control import send_command
from functions.calls.schemas import OutboundRequest, call_view
from sovereign.calls.errors import NoCapacityError
from sovereign.calls.model import CallStatus, Direction
from sovereign.calls.outbound import OutboundCalls
from sovereign.calls.store import CallFilters, CallStore
from sovereign.http import KEY_OR_LINK, CallerDep, IdempotencyDep, OptionalCallerDep, PageDep, TableDep
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.numbered_rows import TimeRange
from sovereign.kernel.settings import Environment, read_environment
from sovereign.nodes.client import NodeClient
from sovereign.recordings.links import RecordingLinks
from sovereign.recordings.storage import Recordings

router = APIRouter(tags=["calls"])


class CallsEnvironment(Environment):
    """NODE_GATEWAY_FUNCTION: name of the function that reaches media nodes. RECORDINGS_BUCKET."""

    node_gateway_function: str
    recordings_bucket: str


async def _store(table: TableDep) -> CallStore:
    return CallStore(table)


async def node_client() -> NodeClient:
    """The way to the media nodes."""
    return NodeClient(read_environment(CallsEnvironment).node_gateway_function)


async def _links() -> RecordingLinks:
    return RecordingLinks()


async def _recordings() -> Recordings:
    return Recordings(read_environment(CallsEnvironment).recordings_bucket)


def _in_lower_case(assistant_id: str | None) -> str | None:
    """An assistant's id as calls keep it; on every path it is found in either case."""
    return assistant_id.lower() if assistant_id else None


LinksDep = Annotated[RecordingLinks, Depends(_links)]
RecordingsDep = Annotated[Recordings, Depends(_recordings)]
StoreDep = Annotated[CallStore, Depends(_store)]
NodesDep = Annotated[NodeClient, Depends(node_client)]
AgentQuery = Annotated[str | None, Query(min_length=1, max_length=256), AfterValidator(_in_lower_case)]


async def _filters(
    *,
    status: CallStatus | None = None,
    agent_id: AgentQuery = None,
    assistant_id: AgentQuery = None,
    direction: Direction | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
) -> CallFilters:
    if agent_id and assistant_id and agent_id != assistant_id:
        raise InvalidRequestError(details=["query: assistant_id and agent_id are the same parameter and differ"])
    made = TimeRange.parse(start_date, end_date)
    return CallFilters(status=status, agent_id=agent_id or assistant_id, direction=direction, made=made)


@router.get("/calls", summary="List calls")
def list_calls(
    caller: CallerDep,
    store: StoreDep,
    links: LinksDep,
    page: PageDep,
    filters: Annotated[CallFilters, Depends(_filters)],
) -> dict[str, Any]:
    """The organization's calls with their transcripts, newest first."""
    found = store.reading.page(caller.org_id, offset=page.offset, limit=page.limit, filters=filters)
    return {"calls": [call_view(call, links) for call in found.calls], "pagination": page.pagination(found.total)}


@router.get("/calls/{call_id}", summary="Get a call")
def read_call(caller: CallerDep, store: StoreDep, links: LinksDep, call_id: str) -> dict[str, Any]:
    """One call, not wrapped."""
    return call_view(store.reading.get(caller.org_id, call_id), links)


@router.get(
    "/calls/{call_id}/recording",
    summary="Get a call's recording",
    status_code=302,
    response_class=RedirectResponse,
    openapi_extra=KEY_OR_LINK,
)
def read_recording(
    *,
    caller: OptionalCallerDep,
    store: StoreDep,
    links: LinksDep,
    recordings: RecordingsDep,
    call_id: str,
    t: Annotated[str | None, Query(description="The token of `recording_url`, which stands for a key.")] = None,
) -> str:
    """To a WAV file, caller left and agent right; the address it leads to is good for five minutes."""
    org_id = caller.org_id if caller else links.organization_of(call_id, t or "")
    return recordings.address(store.reading.recorded(org_id, call_id))


@router.post("/calls/outbound", summary="Place a call")
def place_call(
    *,
    caller: CallerDep,
    table: TableDep,
    store: StoreDep,
    nodes: NodesDep,
    idempotency: IdempotencyDep,
    body: OutboundRequest,
) -> dict[str, Any]:
    """Dial; the answer comes once a media node has taken the call."""
    outbound = OutboundCalls(table, store, nodes, default_cipher())
    try:
        ref = outbound.place(caller.org_id, body.order(), writes_for_call=idempotency.writes_for_call)
    except NoCapacityError:
        idempotency.release()  # nobody was rung, so the same key may try again
        raise
    return {"success": True, "call_id": ref.call_id, "status": "dialing"}


@router.post("/calls/{call_id}/control", summary="Change a running call")
def control_call(
    *, caller: CallerDep, table: TableDep, store: StoreDep, nodes: NodesDep, call_id: str, body: dict[str, Any]
) -> dict[str, Any]:
    """Change a running call; success means that the media node did it."""
    send_command(table, store, nodes, org_id=caller.org_id, call_id=call_id, given=body)
    return {"success": True, "message": "Command sent successfully"}
