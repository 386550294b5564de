"""One user agent an identity: the stack never gives one back."""

import asyncio
from typing import Any, cast

import pytest

from media.telephony import user_agents
from media.telephony.addresses import TrunkRoute
from media.telephony.user_agents import TooManyIdentitiesError, UserAgents

TRUNK = TrunkRoute(trunk_id="t", address="127.0.0.1")


class Agent:
    def __init__(self) -> None:
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

    async def create(*_: object, **__: object) -> Agent:
        await asyncio.sleep(0)
        agents.append(Agent())
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
    assert agents.exhausted
