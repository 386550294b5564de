"""What the stand-ins of speech-to-speech models share: a model that hears a turn when sound is followed by silence, and
answers with the next scripted reply, in words and tones."""

import asyncio
import base64
import contextlib
import json
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.server import BAD_KEY, GOOD_KEY, QUOTA_KEY, FakeServer, Trouble, cut, pieces_of, tone

_LOUD = 500
SECONDS_A_CHARACTER = 0.04
PIECE_SECONDS = 0.1


@dataclass(frozen=True)
class Reply:
    """One answer: words, then tool calls (name, arguments).

    `voice`: what is heard with the words instead of a tone, 16-bit PCM at the output rate. `cut_after`: so many pieces
    of audio and the connection breaks.
    """

    text: str = ""
    calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    voice: bytes | None = None
    cut_after: int | None = None


@dataclass
class Hearing:
    """What one connection hears: whether somebody speaks, judged by loudness.

    `arrivals` are the moments audio came (Unix time), each with how many bytes there were then.
    """

    rate: int
    turn_ends_after: float = 0.3
    speaking: bool = False
    quiet: float = 0.0
    audio: bytearray = field(default_factory=bytearray)
    arrivals: list[tuple[float, int]] = field(default_factory=list)

    def take(self, pcm: bytes) -> list[str]:
        """`started` and `ended` as they happened in this audio."""
        self.audio += pcm
        self.arrivals.append((time.time(), len(self.audio)))
        happened = [self._judge(window) for window in pieces_of(pcm, self.rate // 50 * 2)]
        return [event for event in happened if event]

    def _judge(self, window: bytes) -> str | None:
        if max((abs(value) for (value,) in struct.iter_unpack("<h", window)), default=0) > _LOUD:
            self.quiet = 0.0
            started, self.speaking = not self.speaking, True
            return "started" if started else None
        self.quiet += len(window) / 2 / self.rate
        if self.speaking and self.quiet >= self.turn_ends_after:
            self.speaking = False
            return "ended"
        return None


class FakeRealtime(FakeServer):
    """`received` keeps every client event but audio, `spoke_at` when each answer with words began (Unix time).
    `replies` are given in order; then it understands everything."""

    path = "/"
    output_rate = 24000
    paces_itself = False
    """Whether audio comes no faster than it is spoken."""

    def __init__(
        self,
        trouble: Trouble | None = None,
        *,
        replies: Sequence[Reply] = (),
        caller_says: Sequence[str] = (),
        ignores: frozenset[str] = frozenset(),
        late: float = 0.0,
        greets_with: str | bytes | None = None,
        drops: int | None = None,
        turn_ends_after: float = 0.3,
        port: int = 0,
    ) -> None:
        super().__init__(trouble, port=port)
        self.replies = list(replies)
        self.caller_says = list(caller_says)
        self.received: list[dict[str, Any]] = []
        self.spoke_at: list[tuple[str, float]] = []
        self.headers: list[Mapping[str, str]] = []
        self.connections: list[Connection] = []
        self.ignores = ignores
        """What it never answers: `speak`, `setup` (so nothing at all), `closing`, or `everything`, which it does not
        even read. `transcript`: it tells nothing of what the caller said (Gemini's only)."""
        self.late = late
        """Seconds after which each of its messages is sent."""
        self.greets_with = greets_with
        """What it says before anything else."""
        self.drops = drops
        """Connections that are cut where the trouble says so; None: all."""
        self.turn_ends_after = turn_ends_after
        """Seconds of quiet after which the caller has spoken."""

    def routes(self) -> list[web.RouteDef]:
        return [web.get(self.path, self._serve)]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def connection(self, request: web.Request, socket: web.WebSocketResponse) -> "Connection":
        raise AssertionError("a vendor's stand-in has its own")

    def refusal(self, key: str) -> int | None:
        """The HTTP status of a handshake that is refused."""
        return {BAD_KEY: 401, QUOTA_KEY: 429, GOOD_KEY: None}.get(key, 401)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(request.headers)
        if status := self.trouble.status or self.refusal(self.key_of(request)):
            return web.Response(status=status)
        socket = web.WebSocketResponse(max_msg_size=0, autoclose="closing" not in self.ignores)
        await socket.prepare(request)
        connection = self.connection(request, socket)
        self.connections.append(connection)
        self.open_connections += 1
        try:
            await connection.run()
        finally:
            self.open_connections -= 1
        return socket

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if self.replies else Reply("Understood.")


class Connection:
    """One client. A vendor says how things look on its wire."""

    def __init__(self, server: FakeRealtime, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.server = server
        self.request = request
        self.socket = socket
        self.hearing = Hearing(16000, server.turn_ends_after)
        self.answer: asyncio.Task[None] | None = None
        self.pieces = 0
        self.turn = 0

    # a vendor's own

    async def take(self, event: dict[str, Any]) -> None:
        """A client event that is not audio."""

    def audio_of(self, event: dict[str, Any]) -> str | None:
        """The audio of a client event, base64."""
        return None

    async def caller_started(self) -> None: ...

    async def caller_ended(self, text: str) -> None: ...

    async def begin(self) -> None: ...

    async def piece(self, pcm: bytes) -> None: ...

    async def words(self, text: str) -> None: ...

    async def finish(self, reply: Reply) -> None: ...

    # the model

    async def run(self) -> None:
        if self.server.greets_with is not None:
            await self.say(self.server.greets_with)
        try:
            if "everything" in self.server.ignores:
                await asyncio.Event().wait()
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    await self._message(json.loads(message.data))
                elif message.type is WSMsgType.BINARY:
                    await self._message(json.loads(message.data.decode()))
            if "closing" in self.server.ignores:
                await asyncio.Event().wait()
        finally:
            if self.answer is not None:
                self.answer.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await self.answer

    async def _message(self, event: dict[str, Any]) -> None:
        audio = self.audio_of(event)
        if audio is None:
            self.server.received.append(event)
            if "setup" not in self.server.ignores:
                await self.take(event)
            return
        for happened in self.hearing.take(base64.b64decode(audio)):
            if happened == "started":
                await self.caller_started()
                continue
            await self.caller_ended(self.server.caller_says.pop(0) if self.server.caller_says else "something")
            self.speak(self.server.next_reply())

    def speak(self, reply: Reply) -> None:
        """Begin an answer."""
        self.stop()
        self.turn += 1
        self.answer = asyncio.create_task(self._speak(reply))

    def stop(self) -> bool:
        """Give the answer up; whether there was one."""
        speaking = self.answer is not None and not self.answer.done()
        if speaking and self.answer is not None:
            self.answer.cancel()
        return speaking

    async def _speak(self, reply: Reply) -> None:
        trouble = self.server.trouble
        await asyncio.sleep(trouble.first_delay)
        await self.begin()
        rate = self.server.output_rate
        pcm = tone(len(reply.text) * SECONDS_A_CHARACTER, rate) if reply.voice is None else reply.voice
        if pcm:
            self.server.spoke_at.append((reply.text, time.time()))
        pieces = list(pieces_of(pcm, int(PIECE_SECONDS * rate) * 2))
        words = reply.text.split(" ") if reply.text else []
        for count, piece in enumerate(pieces):
            dropping = self.server.drops is None or len(self.server.connections) <= self.server.drops
            if (trouble.drop_after == self.pieces and dropping) or count == reply.cut_after:
                cut(self.request)
                return
            self.pieces += 1
            await self.piece(piece)
            first, last = len(words) * count // len(pieces), len(words) * (count + 1) // len(pieces)
            if first < last:
                await self.words((" " if first else "") + " ".join(words[first:last]))
            await asyncio.sleep(PIECE_SECONDS if self.server.paces_itself else trouble.between_delay)
        await self.finish(reply)

    async def send(self, event: Mapping[str, Any]) -> None:
        await asyncio.sleep(self.server.late)
        with contextlib.suppress(ConnectionError):
            await self.socket.send_json(event)

    async def say(self, message: str | bytes | Mapping[str, Any]) -> None:
        """Send this, whatever the protocol says."""
        if isinstance(message, bytes):
            await self.socket.send_bytes(message)
        else:
            await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))


def encoded(pcm: bytes) -> str:
    return base64.b64encode(pcm).decode()
