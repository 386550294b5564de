"""Real SIP on loopback: the endpoint under test in this process, its far end in another (one SIP stack a process)."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from media.telephony.addresses import TrunkRoute
from media.telephony.baresip_leg import BaresipLeg
from media.telephony.endpoint import EndpointConfig, Invite, SipEndpoint
from media.telephony.leg import LegEvent
from tests.conftest import free_ports

from .raw_phone import RawPhone

_FIRST_RTP_PORT = 21520 + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
RTP_PORTS = (_FIRST_RTP_PORT, _FIRST_RTP_PORT + 78)
"""A range for each worker of a parallel run."""
ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 20.0


def free_port() -> int:
    """A port free on UDP and TCP of 127.0.0.1, as is the next, which the stack takes for TLS."""
    [port] = free_ports(1)
    return port


class Peer:
    """The far end's process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.seen: list[dict[str, Any]] = []

    async def do(self, order: str, **fields: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": order, **fields}).encode() + b"\n")
        await self._process.stdin.drain()

    async def policy(self, policy: str) -> None:
        await self.do("policy", policy=policy)
        await self.event("policy")

    async def event(self, name: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """The next event of that name; others before it are kept in `seen`."""
        assert self._process.stdout
        async with asyncio.timeout(seconds):
            while line := await self._process.stdout.readline():
                event: dict[str, Any] = json.loads(line)
                if "event" not in event:  # a line of the log, which goes the same way
                    continue
                self.seen.append(event)
                if event["event"] == name:
                    return event
                assert event["event"] != "error", event
        raise AssertionError(f"the peer ended without {name}; it said {self.seen}")

    async def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Station:
    """The endpoint under test, with the invites it got."""

    def __init__(self, **changes: Any) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.invites: asyncio.Queue[Invite] = asyncio.Queue()
        config = EndpointConfig(
            **{"host": "127.0.0.1", "port": self.port, "rtp_ports": RTP_PORTS, "jitter_ms": None, **changes}
        )
        self.endpoint = SipEndpoint(config)

    async def start(self) -> None:
        await self.endpoint.start(self.invites.put_nowait)

    async def invite(self) -> Invite:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.invites.get()

    async def dial(self, peer_address: str, *, number: str = "+31201234567", **trunk: Any) -> BaresipLeg:
        route = TrunkRoute(**{"trunk_id": "trunk", "address": peer_address, "transport": "udp", **trunk})
        return await self.endpoint.dial(route, number, "+31850835037")


async def next_event(leg: BaresipLeg, seconds: float = WAIT_SECONDS) -> LegEvent:
    async with asyncio.timeout(seconds):
        return await leg.events.get()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with far_end() as started:
        yield started


@pytest.fixture
async def encrypting_peer() -> AsyncIterator[Peer]:
    """A far end that takes encrypted calls too."""
    async with far_end("encrypting") as started:
        yield started


@asynccontextmanager
async def far_end(*abilities: str) -> AsyncIterator[Peer]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("peer.py")),
        str(port),
        *map(str, RTP_PORTS),
        *abilities,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/media_fargate:{ROOT}/layers/shared/python", "PATH": ""},
    )
    started = Peer(process, port)
    try:
        await started.event("up")
        yield started
    finally:
        await started.close()


@pytest.fixture
async def station() -> AsyncIterator[Station]:
    started = Station()
    await started.start()
    yield started
    await started.endpoint.close()


@pytest.fixture
async def phone(station: Station) -> AsyncIterator[RawPhone]:
    opened = await RawPhone(station.port).open()
    yield opened
    opened.close()
