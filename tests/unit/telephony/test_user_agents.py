"""One user agent an identity: the stack never gives one back."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest
from baresip.config import Account

from media.telephony import user_agents
from media.telephony.addresses import TrunkRoute
from media.telephony.user_agents import TooManyIdentitiesError, UserAgents

TRUNK = TrunkRoute(trunk_id="t", address="127.0.0.1")


class Agent:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.dialled: list[str] = []

    def on_incoming(self, _: object) -> None:
        pass

    async def dial(self, uri: str, _headers: object) -> Any:
        self.dialled.append(uri)
        return type("Call", (), {"handle": 1})()


class Runtime:
    def subscribe(self, _: object) -> None:
        pass

    unsubscribe = subscribe


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Agent]:
    agents: list[Agent] = []

    async def create(_: object, account: Account, **__: object) -> Agent:
        await asyncio.sleep(0)
        agents.append(Agent(account))
        return agents[-1]

    monkeypatch.setattr(user_agents.UserAgent, "create", create)
    return agents


async def test_calls_at_once_from_a_new_number_share_its_agent(made: list[Agent]) -> None:
    agents = UserAgents(cast(Any, Runtime()), None)
    await asyncio.gather(*(agents.dial(TRUNK, "+31850835037", f"sip:{n}@127.0.0.1") for n in range(3)))
    assert [len(agent.dialled) for agent in made] == [3]


async def test_limit_holds_for_calls_at_once(made: list[Agent]) -> None:
    agents = UserAgents(cast(Any, Runtime()), None, limit=2)
    numbers = (agents.dial(TRUNK, f"+3185083503{n}", "sip:x@127.0.0.1") for n in range(3))
    results = await asyncio.gather(*numbers, return_exceptions=True)
    assert [type(result) for result in results if isinstance(result, Exception)] == [TooManyIdentitiesError]
    assert len(made) == 2
    assert (agents.full, agents.outdated) == (True, False)


async def test_a_trunks_srtp_is_an_agents_encryption_and_calls_in_have_the_endpoints(made: list[Agent]) -> None:
    agents = UserAgents(cast(Any, Runtime()), None)
    for srtp in ("off", "optional", "required"):
        await agents.dial(replace(TRUNK, trunk_id=srtp, srtp=srtp), "+31850835037", "sip:x@127.0.0.1")
    await agents.listen("127.0.0.1", "udp")
    await agents.listen("127.0.0.1", "tcp", encrypted=True)
    params = [agent.account.extra_params for agent in made]
    assert params[:3] == [(), ("mediaenc=srtp",), ("mediaenc=srtp-mand",)]
    assert params[3:] == [("catchall=yes",), ("catchall=yes", "mediaenc=srtp")]
    assert (agents.full, agents.outdated) == (False, False)


@pytest.mark.parametrize(
    ("before", "after", "outdated"),
    [("off", "required", True), ("optional", "off", True), ("optional", "required", False), ("off", "off", False)],
)
async def test_a_process_whose_agent_is_from_before_a_trunk_encrypted_is_to_be_replaced(
    made: list[Agent], before: Any, after: Any, outdated: bool
) -> None:
    agents = UserAgents(cast(Any, Runtime()), None)
    for srtp in (before, after):
        await agents.dial(replace(TRUNK, srtp=srtp), "+31850835037", "sip:x@127.0.0.1")
    assert (agents.full, agents.outdated) == (False, outdated)
    await agents.dial(replace(TRUNK, srtp=after), "+31850835038", "sip:x@127.0.0.1")  # it goes on until then
    assert made[-1].dialled
