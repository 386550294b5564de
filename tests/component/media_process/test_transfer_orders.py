"""A transfer ordered over the API goes nowhere the organization may not call: the node checks it, not only a route."""

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest

from media.calls.commands import execute
from media.control.orders import OrderRefusedError
from media.conversation.transfers import Transfers
from media.directory import TableDirectory
from media.running_call import CallServices, Conversation, Identity, RunningCall
from media.session_factory import PreparedSession, SessionFactory
from media.telephony.transfer_route import TransferRoute
from sovereign.calls.model import CallRef
from sovereign.calls.store import CallStore
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Table
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from tests.component.assistants.fixtures import ORG, cipher, cloud, table
from tests.unit.media_process.scripted import assistant
from tests.unit.media_process.test_session_factory import OpenProviders

__all__ = ["cipher", "cloud", "table"]

LISTED, ALLOWED = "+31612345679", "+31612345678"


class Node:
    """A running call whose session does transfer commands with the real route of a real session factory."""

    def __init__(self, prepared: PreparedSession) -> None:
        self.referred: list[str] = []
        self.call = RunningCall(cast(CallServices, Mock()), "call-outbound-x")
        self.call._session = cast(Any, self)
        parts = (cast(Any, Mock()) for _ in range(3))
        self._transfers = Transfers(*parts, prepared.services.route_transfer, prepared.services.dial_second_leg)
        self._transfers.command = self._refer  # type: ignore[method-assign]

    async def _refer(self, route: TransferRoute, message: str | None) -> None:
        self.referred.append(str(route.refer_to))

    async def command(self, command: dict[str, Any]) -> None:
        under_way: list[Awaitable[None]] = []
        tasks = cast(Any, SimpleNamespace(create_task=under_way.append))
        await execute(command, cast(Any, Mock()), self._transfers, tasks)
        for task in under_way:
            await task


@pytest.fixture
async def node(table: Table, cipher: Cipher) -> Node:
    numbers, trunks = NumberStore(table), TrunkStore(table, cipher)
    trunk = trunks.create(ORG, TrunkSettings(name="T", provider="p", address="8.8.8.8:5060"), None)
    number, _ = numbers.create(ORG, NumberSettings(phone_number="+31850835037", transfer_trunk_id=trunk.id))
    numbers.verify(ORG, number.id)
    DoNotCallStore(table).add(ORG, Listing(phone_number=LISTED))
    directory = TableDirectory(table, cipher, CallStore(table, cipher=cipher))
    parts = {name: cast(Any, Mock()) for name in ("detector", "poller", "asker", "calls", "dial_second_leg")}
    factory = SessionFactory(providers=cast(Any, OpenProviders()), directory=directory, **parts)
    identity = Identity(direction="inbound", number_id=number.id)
    prepared = await factory.prepare(
        Conversation(ref=CallRef(ORG, "call", 1), identity=identity, assistant=assistant())
    )
    return Node(cast(PreparedSession, prepared))


@pytest.mark.parametrize(
    "destination",
    [LISTED, "+31900123456", "+12025550123", "sip:127.0.0.1:5080", "sip:desk@10.0.0.7", "sip:desk@169.254.169.254"],
    ids=["on the do-not-call list", "premium rate", "country not allowed", "loopback", "private", "metadata service"],
)
async def test_destination_that_may_not_be_called_is_refused_by_the_node(node: Node, destination: str) -> None:
    with pytest.raises(OrderRefusedError) as refused:
        await node.call.command({"type": "transfer", "destination": destination})
    assert refused.value.code == "destination_not_allowed"
    assert destination not in refused.value.message
    assert node.referred == []


async def test_allowed_number_goes_through_the_organizations_trunk(node: Node) -> None:
    await node.call.command({"type": "transfer", "destination": ALLOWED})
    assert node.referred == [f"sip:{ALLOWED}@8.8.8.8:5060"]
