"""A stand-in for xAI's Speech to Speech API (docs.x.ai): OpenAI's realtime events, a session of its own."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.fakes.realtime import Connection, FakeRealtime, Reply, encoded
from tests.fakes.server import run


class FakeXaiRealtime(FakeRealtime):
    """Speaks at the rate the session asks for."""

    path = "/v1/realtime"

    def connection(self, request: web.Request, socket: web.WebSocketResponse) -> Connection:
        self.requests.append(dict(request.query))
        return _Connection(self, request, socket)


class _Connection(Connection):
    async def take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                session = event["session"]
                self.hearing.rate = session["audio"]["input"]["format"]["rate"]
                self.server.output_rate = session["audio"]["output"]["format"]["rate"]
                await self.send({"type": "session.updated", "session": session})
            case "conversation.item.create" if event["item"]["type"] == "force_message":
                if "speak" not in self.server.ignores:
                    self.speak(Reply(event["item"]["content"][0]["text"]))
            case "response.create":
                self.speak(self.server.next_reply())
            case "response.cancel":
                await self._interrupt()
            case "conversation.item.truncate":
                await self.send({"type": "conversation.item.truncated", "item_id": event["item_id"]})

    def audio_of(self, event: dict[str, Any]) -> str | None:
        return event["audio"] if event["type"] == "input_audio_buffer.append" else None

    async def caller_started(self) -> None:
        await self.send({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": self._caller})
        await self._interrupt()

    async def _interrupt(self) -> None:
        if self.stop():
            await self._done("cancelled")

    async def caller_ended(self, text: str) -> None:
        item = self._caller
        await self.send({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 0, "item_id": item})
        await self.send({"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None})
        kind = "conversation.item.input_audio_transcription.completed"
        await self.send({"type": kind, "item_id": item, "content_index": 0, "transcript": text})

    async def begin(self) -> None:
        await self.send({"type": "response.created", "response": {"id": f"resp_{self.turn}", "status": "in_progress"}})

    async def piece(self, pcm: bytes) -> None:
        await self.send({"type": "response.output_audio.delta", **self._place, "delta": encoded(pcm)})

    async def words(self, text: str) -> None:
        await self.send({"type": "response.output_audio_transcript.delta", **self._place, "delta": text})

    async def finish(self, reply: Reply) -> None:
        if reply.text:
            await self.send({"type": "response.output_audio.done", **self._place})
            await self.send({"type": "response.output_item.done", "item": {"id": self._item, "type": "message"}})
        for place, (name, arguments) in enumerate(reply.calls):
            await self.send(
                {
                    "type": "response.function_call_arguments.done",
                    "call_id": f"call_{self.turn}_{place}",
                    "name": name,
                    "arguments": json.dumps(arguments),
                }
            )
        await self._done("completed")

    async def _done(self, status: str) -> None:
        usage = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
        await self.send({"type": "response.done", "response": {"status": status, "usage": usage}})

    @property
    def _item(self) -> str:
        return f"item_{self.turn}"

    @property
    def _caller(self) -> str:
        return f"caller_{self.turn}"

    @property
    def _place(self) -> Mapping[str, Any]:
        return {"response_id": f"resp_{self.turn}", "item_id": self._item, "output_index": 0, "content_index": 0}


if __name__ == "__main__":
    run("xai_realtime", lambda trouble, port: FakeXaiRealtime(trouble, port=port))
