"""A stand-in for Deepgram's live transcription: websocket in, interim and final results out."""

import asyncio
import json
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.server import cut, run


class FakeDeepgram(FakeRecogniser):
    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/listen", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Token ")
        if refusal := self.refusal(key):
            return web.Response(status=refusal)
        self.requests.append({**request.query, "keyterm": request.query.getall("keyterm", [])})
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
        rate = int(request.query["sample_rate"])
        heard = pieces = 0
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                heard += len(message.data)
                self.audio_bytes += len(message.data)
                pieces += 1
                if self.cut_after(pieces):
                    cut(request)
                    return
                interim = self.interim(heard, len(message.data), rate)
                if interim and request.query.get("interim_results") == "true":
                    await socket.send_json(_results(interim, final=False, finalised=False))
                continue
            kind = json.loads(message.data)["type"]
            self.messages.append(kind)
            if kind == "Finalize" and heard and self.answers_end:
                await asyncio.sleep(self.trouble.first_delay)
                await socket.send_json(_results(self.next_utterance(), final=True, finalised=True))
                heard = 0
            elif kind == "CloseStream":
                await socket.send_json({"type": "Metadata", "request_id": "r", "duration": self.audio_bytes / rate / 2})
                await socket.close()


def _results(text: str, *, final: bool, finalised: bool) -> dict[str, Any]:
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": 1.0,
        "start": 0.0,
        "is_final": final,
        "speech_final": final,
        "from_finalize": finalised,
        "channel": {"alternatives": [{"transcript": text, "confidence": 0.98, "words": []}]},
        "metadata": {
            "request_id": "r",
            "model_info": {"name": "nova-3", "version": "1", "arch": "nova-3"},
            "model_uuid": "m",
        },
    }


if __name__ == "__main__":
    run("deepgram", lambda trouble, port: FakeDeepgram(trouble, port=port))
