"""A stand-in for Mistral's realtime transcription: `input_audio.end` brings `transcription.done`, and that is all."""

import asyncio
import base64
import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.server import cut, run

_REALTIME_MODELS = {"voxtral-mini-transcribe-realtime-2602"}


class FakeVoxtral(FakeRecogniser):
    """`greeting_delay`: seconds before it tells of a session."""

    greeting_delay = 0.0

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/audio/transcriptions/realtime", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if refusal := self.refusal(key):
            return web.Response(status=refusal)
        if request.query.get("model") not in _REALTIME_MODELS:
            return web.Response(status=400)
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open_connections += 1
        try:
            await self._converse(request, socket)
        finally:
            self.open_connections -= 1
        return socket

    async def _converse(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        session: dict[str, Any] = {
            "request_id": "ws-1",
            "model": request.query["model"],
            "audio_format": {"encoding": "pcm_s16le", "sample_rate": 16000},
        }
        await asyncio.sleep(self.greeting_delay)
        await socket.send_json({"type": "session.created", "session": session})
        heard = pieces = told = 0
        while True:
            try:
                message = await socket.receive(self.patience)
            except TimeoutError:
                await socket.send_json({"type": "error", "error": {"message": "Timeout", "code": 3804}})
                await socket.close()
                return
            if message.type is not WSMsgType.TEXT:
                return
            given = json.loads(message.data)
            if given["type"] == "session.update":
                session.update(given["session"])
                self.requests.append({"model": request.query["model"], **given["session"]})
                await socket.send_json({"type": "session.updated", "session": session})
            elif given["type"] == "input_audio.append":
                pcm = base64.b64decode(given["audio"])
                heard += len(pcm)
                self.audio_bytes += len(pcm)
                pieces += 1
                if self.cut_after(pieces):
                    cut(request)
                    return
                interim = self.interim(heard, len(pcm), session["audio_format"]["sample_rate"])
                for word in interim.split()[told:]:
                    await socket.send_json({"type": "transcription.text.delta", "text": f" {word}"})
                    told += 1
            else:
                self.messages.append(given["type"])
                if given["type"] == "input_audio.end" and await self._done(socket, session["model"]):
                    return

    async def _done(self, socket: web.WebSocketResponse, model: str) -> bool:
        await asyncio.sleep(self.trouble.first_delay)
        if not self.answers_end:
            return False
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "prompt_audio_seconds": 1}
        done = {"type": "transcription.done", "model": model, "text": self.next_utterance(), "language": "en"}
        await socket.send_json({**done, "usage": usage, "segments": []})
        await socket.close()
        return True


if __name__ == "__main__":
    run("voxtral", lambda trouble, port: FakeVoxtral(trouble, port=port))
