"""A stand-in for ElevenLabs' realtime transcription, beside its speech: JSON over a websocket, audio in base64."""

import asyncio
import base64
import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.elevenlabs import FakeElevenLabs
from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.server import GOOD_KEY, QUOTA_KEY, cut, run

_LEAST_COMMIT_SECONDS = 0.3


class FakeScribe(FakeRecogniser, FakeElevenLabs):
    """`admits_first`: a bad key is told in the opened stream, as for a key without the right to transcribe."""

    admits_first = False

    def routes(self) -> list[web.RouteDef]:
        return [*FakeElevenLabs.routes(self), web.get("/v1/speech-to-text/realtime", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("xi-api-key", "")
        refusal = self.refusal(key)
        if refusal and key != QUOTA_KEY and not self.admits_first:
            return web.Response(status=refusal)
        self.requests.append(dict(request.query))
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.open_connections += 1
        try:
            if key != GOOD_KEY:
                kind = "quota_exceeded" if key == QUOTA_KEY else "auth_error"
                await socket.send_json({"message_type": kind, "error": f"{kind} for {key}"})
                await socket.close()
            else:
                await self._converse(request, socket)
        finally:
            self.open_connections -= 1
        return socket

    async def _converse(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        rate = int(request.query["audio_format"].removeprefix("pcm_"))
        config = {"sample_rate": rate, "model_id": request.query["model_id"]}
        await socket.send_json({"message_type": "session_started", "session_id": "s", "config": config})
        heard = pieces = 0
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            given = json.loads(message.data)
            assert given["message_type"] == "input_audio_chunk"
            assert given["sample_rate"] == rate
            pcm = base64.b64decode(given["audio_base_64"])
            heard += len(pcm)
            self.audio_bytes += len(pcm)
            pieces += bool(pcm)
            if self.cut_after(pieces):
                cut(request)
                return
            if interim := self.interim(heard, len(pcm), rate):
                await socket.send_json({"message_type": "partial_transcript", "text": interim})
            if given["commit"]:
                await self._commit(socket, heard / rate / 2, timestamps=request.query["include_timestamps"] == "true")
                heard = 0

    async def _commit(self, socket: web.WebSocketResponse, seconds: float, *, timestamps: bool) -> None:
        self.messages.append("commit")
        if seconds < _LEAST_COMMIT_SECONDS:
            await socket.send_json({"message_type": "commit_throttled", "error": "Commit request throttled"})
            return
        await asyncio.sleep(self.trouble.first_delay)
        if not self.answers_end:
            return
        said: dict[str, Any] = {"message_type": "committed_transcript", "text": self.next_utterance()}
        await socket.send_json(said)
        if timestamps:
            await socket.send_json({**said, "message_type": "committed_transcript_with_timestamps", "words": []})


if __name__ == "__main__":
    run("scribe", lambda trouble, port: FakeScribe(trouble, port=port))
