"""A far end on loopback: our own endpoint in a process of its own, told what to do line by line.

Started as `python peer.py PORT FIRST_RTP LAST_RTP [encrypting]`; commands are JSON lines on stdin, events JSON lines on
stdout. Incoming calls are treated by the last `policy` command: ignore, reject, answer or echo.
"""

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict
from typing import Any

from media.telephony.addresses import TrunkRoute
from media.telephony.baresip_leg import BaresipLeg
from media.telephony.endpoint import EndpointConfig, EndpointError, Invite, SipEndpoint
from media.telephony.user_agents import DialRefusedError


def say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


class Peer:
    def __init__(self, port: int, rtp: tuple[int, int], *, encrypting: bool) -> None:
        config = EndpointConfig(
            host="127.0.0.1", port=port, rtp_ports=rtp, jitter_ms=None, encrypts_calls_in=encrypting
        )
        self.endpoint = SipEndpoint(config)
        self.policy = "answer"
        self.leg: BaresipLeg | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.echo = False

    def spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def on_invite(self, invite: Invite) -> None:
        say("invite", headers=dict(invite.headers))
        self.spawn(self.take(invite.leg))

    async def take(self, leg: BaresipLeg) -> None:
        self.watch(leg)
        if self.policy == "reject":
            await leg.reject()
        elif self.policy in ("answer", "echo"):
            self.echo = self.policy == "echo"
            await leg.answer()

    def watch(self, leg: BaresipLeg) -> None:
        self.leg = leg
        self.spawn(self.tell(leg))
        self.spawn(self.pump(leg))

    async def tell(self, leg: BaresipLeg) -> None:
        while True:
            event = await leg.events.get()
            say(type(event).__name__, **asdict(event), rate=leg.sample_rate)

    async def pump(self, leg: BaresipLeg) -> None:
        received = 0
        while not leg.is_closed:
            pcm = leg.read()
            if self.echo and pcm:
                leg.write(pcm)
            if pcm and not received:
                say("audio")
            received += len(pcm)
            await asyncio.sleep(0.01)
        say("received", bytes=received)

    async def run(self) -> None:
        try:
            await self.endpoint.start(self.on_invite)
        except EndpointError as failed:
            say("error", text=str(failed))
            return
        say("up")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            # one after another: what follows a call's dialling is about that call
            await self.obey(json.loads(line))
        await self.endpoint.close()

    async def obey(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "policy":
                self.policy = order["policy"]
                say("policy", policy=self.policy)
            case "dial":
                with contextlib.suppress(KeyError):
                    self.echo = order["echo"]
                ways = {name: order[name] for name in ("transport", "srtp") if name in order}
                trunk = TrunkRoute(trunk_id="t", address=order["address"], **ways)
                try:
                    self.watch(await self.endpoint.dial(trunk, order["number"], order["caller"]))
                except DialRefusedError as refused:
                    say("dial_refused", text=str(refused))
            case _ if self.leg is None:
                say("error", text=f"{order['do']}: there is no call")
            case "hang_up":
                await self.leg.hang_up()
            case "dtmf":
                await self.leg.send_dtmf(order["digits"])
                say("dtmf_sent")
            case "hold" | "resume":
                await getattr(self.leg._call, order["do"])()
                say(order["do"])


if __name__ == "__main__":
    port, first_rtp, last_rtp = map(int, sys.argv[1:4])
    asyncio.run(Peer(port, (first_rtp, last_rtp), encrypting="encrypting" in sys.argv[4:]).run())
