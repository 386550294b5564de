"""A stand-in for OpenAI's Live API: no turns on the wire, audio in real time, tools through a delegated model."""

import json
from typing import Any

from aiohttp import web

from tests.fakes.realtime import Connection, FakeRealtime, Reply, encoded
from tests.fakes.server import run

_COMMANDS = {
    "session.start", "session.input_audio.append", "session.instructions.append", "session.thinking.append",
    "session.commentary.append", "response.item.create", "response.create", "session.close",
}  # fmt: skip
_SESSION = {"model", "instructions", "audio", "delegation", "input", "store", "triggers", "client", "safety_identifier"}


class FakeOpenAiLive(FakeRealtime):
    """Refuses unknown members and events, as the service does."""

    path = "/v1/live/sessions"
    output_rate = 16000
    paces_itself = True

    def connection(self, request: web.Request, socket: web.WebSocketResponse) -> Connection:
        self.requests.append(dict(request.query))
        return _Connection(self, request, socket)


class _Connection(Connection):
    seconds = 0.0

    async def take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind not in _COMMANDS:
            await self._error("unknown_event")
        elif kind == "session.start":
            await self._start(event["session"])
        elif kind == "session.instructions.append":
            await self._appended("instructions")
            self._asked(event["content"])
        elif kind == "session.commentary.append":
            await self._appended("commentary")
            self.speak(self.server.next_reply())
        elif kind == "session.thinking.append":
            await self._appended("thinking")
        elif kind == "response.create":
            self.speak(self.server.next_reply())

    def _asked(self, content: str) -> None:
        _, exactly, line = content.partition("and nothing else: ")
        if exactly and "speak" in self.server.ignores:
            return
        self.speak(Reply(line) if exactly else self.server.next_reply())

    async def _start(self, session: dict[str, Any]) -> None:
        if set(session) - _SESSION:
            await self._error("unknown_parameter")
            return
        self.hearing.rate = self.server.output_rate = session["audio"]["format"]["rate"]
        resource = {**session, "id": "live_1", "status": "active", "expires_at": 1}
        await self.send({"type": "session.started", "event_id": "e", "session": resource})

    async def _error(self, code: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": "no"}
        await self.send({"type": "error", "event_id": "e", "error": error})

    async def _appended(self, kind: str) -> None:
        await self.send({"type": f"session.{kind}.appended", "event_id": "e", "start_ms": 0, "end_ms": 0})

    def audio_of(self, event: dict[str, Any]) -> str | None:
        return event["audio"] if event["type"] == "session.input_audio.append" else None

    async def caller_started(self) -> None:
        # it hears while it speaks, and stops by itself
        self.stop()
        await self._transcript("input", "well")

    async def caller_ended(self, text: str) -> None:
        await self._transcript("input", " " + text)

    async def _transcript(self, side: str, text: str) -> None:
        event = {"type": f"session.{side}_transcript.delta", "event_id": "e", "delta": text}
        await self.send({**event, "start_ms": 0, "end_ms": 100})

    async def piece(self, pcm: bytes) -> None:
        self.seconds += len(pcm) / 2 / self.server.output_rate
        await self.send({"type": "session.output_audio.delta", "delta": encoded(pcm)})

    async def words(self, text: str) -> None:
        await self._transcript("output", text)

    async def finish(self, reply: Reply) -> None:
        # silence goes on after the words
        await self.send({"type": "session.output_audio.delta", "delta": encoded(bytes(3200))})
        await self.send({"type": "session.usage.updated", "event_id": "e", "usage": {"seconds": self.seconds}})
        if not reply.calls:
            return
        delegation = {"id": "d1", "type": "delegation", "target": "responses"}
        await self.send(
            {"type": "session.delegation.created", "event_id": "e", "delegation": delegation, "offset_ms": 1}
        )
        for place, (name, arguments) in enumerate(reply.calls):
            call = {"type": "function_call", "call_id": f"call_{self.turn}_{place}", "name": name}
            await self._nested("response.output_item.done", item={**call, "arguments": json.dumps(arguments)})
        usage = {"input_tokens": 100, "output_tokens": 20, "input_tokens_details": {"cached_tokens": 40}}
        await self._nested("response.completed", response={"id": "r", "usage": usage})

    async def _nested(self, kind: str, **members: Any) -> None:
        event = {"type": kind, **members}
        await self.send({"type": "response.event", "event_id": "e", "delegation_id": "d1", "event": event})


if __name__ == "__main__":
    run("openai_live", lambda trouble, port: FakeOpenAiLive(trouble, port=port))
