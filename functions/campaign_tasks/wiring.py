"""What the tasks are made of."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from sovereign.calls.errors import NoCapacityError
from sovereign.calls.model import CallRef
from sovereign.calls.outbound import OutboundCalls
from sovereign.calls.store import CallStore
from sovereign.campaigns.attendance import Attendance
from sovereign.campaigns.fleet import Fleet
from sovereign.campaigns.lead_moves import LeadMoves
from sovereign.campaigns.runner import CampaignRunner
from sovereign.kernel import aws
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.observe import logger
from sovereign.kernel.settings import Environment, read_environment
from sovereign.kernel.table import Table
from sovereign.nodes.client import NodeClient
from sovereign.nodes.store import NodeStore

_HANDED_OVER_AT_ONCE = 16
_log = logger()


class TasksEnvironment(Environment):
    """TABLE_NAME, NODE_GATEWAY_FUNCTION, RUN_CAMPAIGN_ARN."""

    table_name: str
    node_gateway_function: str
    run_campaign_arn: str


@contextmanager
def running() -> Iterator[CampaignRunner]:
    """A runner; calls go to the nodes beside its pacing, and all have been handed over when it is left."""
    outbound = _outbound()

    def hand_over(ref: CallRef) -> None:
        try:
            outbound.hand_over(ref)
        except NoCapacityError:
            return  # the call has ended, which is how its lead hears of it
        except Exception:  # noqa: BLE001 - a call nobody claims is ended by reap_lost_calls
            _log.exception("call_not_handed_over", call_id=ref.call_id)

    with ThreadPoolExecutor(_HANDED_OVER_AT_ONCE) as pool:
        yield CampaignRunner(
            table=_table(),
            outbound=outbound,
            moves=moves(),
            fleet=Fleet(NodeStore(_table()).all),
            clock=utc_now,
            sleep=time.sleep,
            hand_over=lambda ref: _submit(pool, hand_over, ref),
        )


def _submit(pool: ThreadPoolExecutor, work: Callable[[CallRef], None], ref: CallRef) -> None:
    pool.submit(work, ref)


@cache
def moves() -> LeadMoves:
    """What becomes of leads."""
    return LeadMoves(_table())


@cache
def attendance() -> Attendance:
    """Who starts executions."""
    return Attendance(_table(), moves(), _start, clock=utc_now)


def _start(org_id: str, campaign_id: str, generation: int) -> None:
    client = aws.client("stepfunctions")
    told = {"org_id": org_id, "campaign_id": campaign_id, "generation": generation}
    try:
        client.start_execution(
            stateMachineArn=read_environment(TasksEnvironment).run_campaign_arn,
            name=f"{campaign_id}-{generation}",
            input=json.dumps(told),
        )
    except client.exceptions.ExecutionAlreadyExists:
        return


@cache
def _table() -> Table:
    return Table(read_environment(TasksEnvironment).table_name)


@cache
def _calls() -> CallStore:
    return CallStore(_table(), cipher=default_cipher())


@cache
def _outbound() -> OutboundCalls:
    client = NodeClient(read_environment(TasksEnvironment).node_gateway_function)
    return OutboundCalls(_table(), _calls(), client, default_cipher())
