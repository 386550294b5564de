"""A stand-in for Gladia's live v2: a session over HTTP, then audio in and messages out on its websocket.

Utterances end as the service ends them: by silence longer than the session's endpointing.
"""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.server import cut, run

_TOKEN = "session-token"


class FakeGladia(FakeRecogniser):
    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v2/live", self._start), web.get("/v2/live", self._listen)]

    async def _start(self, request: web.Request) -> web.StreamResponse:
        if refusal := self.refusal(request.headers.get("X-Gladia-Key", "")):
            return web.json_response({"statusCode": refusal, "message": "refused"}, status=refusal)
        self.requests.append({**await request.json(), **request.query})
        url = f"{self.url.replace('http', 'ws', 1)}/v2/live?token={_TOKEN}"
        created = {"id": "45463597-20b7-4af7-b3b3-f5fb778203ab", "created_at": "2026-01-01T00:00:00.000Z", "url": url}
        return web.json_response(created, status=201)

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("token") != _TOKEN:
            return web.Response(status=401)
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open_connections += 1
        try:
            await self._converse(request, socket, self.requests[-1])
        finally:
            self.open_connections -= 1
        return socket

    async def _converse(self, request: web.Request, socket: web.WebSocketResponse, session: dict[str, Any]) -> None:
        rate, heard, silent, pieces = int(session["sample_rate"]), 0, 0, 0
        endpointing = float(session.get("endpointing", 0.05))
        now = began = ended = 0.0
        endings: set[asyncio.Task[None]] = set()
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                self.messages.append(json.loads(message.data)["type"])
                await socket.close()
                return
            pcm = message.data
            self.audio_bytes += len(pcm)
            pieces += 1
            if self.cut_after(pieces):
                cut(request)
                return
            before, now = now, now + len(pcm) / rate / 2
            silent = 0 if any(pcm) else silent + len(pcm)
            if any(pcm):
                if not heard:
                    began = before
                    await socket.send_json(_message("speech_start", {"time": began, "channel": 0}))
                heard, ended = heard + len(pcm), now
                if interim := self.interim(heard, len(pcm), rate):
                    await socket.send_json(_transcript(interim, began, ended, final=False))
            elif heard and silent / rate / 2 >= endpointing:
                heard = 0
                # it goes on listening while it thinks
                ending = asyncio.create_task(self._end(socket, began, ended))
                endings.add(ending)
                ending.add_done_callback(endings.discard)

    async def _end(self, socket: web.WebSocketResponse, began: float, ended: float) -> None:
        await asyncio.sleep(self.trouble.first_delay)
        if self.answers_end and not socket.closed:
            await socket.send_json(_message("speech_end", {"time": ended, "channel": 0}))
            await socket.send_json(_transcript(self.next_utterance(), began, ended, final=True))


def _message(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "session_id": "s", "created_at": "2026-01-01T00:00:00.000Z", "data": data}


def _transcript(text: str, began: float, ended: float, *, final: bool) -> dict[str, Any]:
    utterance = {
        "text": text,
        "start": began,
        "end": ended,
        "language": "en",
        "confidence": 0.91,
        "channel": 0,
        "words": [],
    }
    return _message("transcript", {"id": "00_00000000", "is_final": final, "utterance": utterance})


if __name__ == "__main__":
    run("gladia", lambda trouble, port: FakeGladia(trouble, port=port))
