"""A stand-in for Deepgram's live transcription: websocket in, interim and final results out."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, Trouble, cut, run

_INTERIM_EVERY_SECONDS = 0.5


class FakeDeepgram(FakeServer):
    """Says the scripted utterances one by one: the next after each Finalize that had audio before it."""

    def __init__(
        self,
        trouble: Trouble | None = None,
        *,
        utterances: Sequence[str] = ("hello there",),
        answers_finalize: bool = True,
        port: int = 0,
    ) -> None:
        super().__init__(trouble, port=port)
        self.utterances = list(utterances)
        self.messages: list[str] = []
        self.audio_bytes = 0
        self.answers_finalize = answers_finalize
        # as a process of its own it never runs out of things that were said
        self.repeat = port != 0

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/listen", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Token ")
        if self.trouble.status:
            return web.Response(status=self.trouble.status)
        if key == QUOTA_KEY:
            return web.Response(status=402)
        if key != GOOD_KEY:
            return web.Response(status=401)
        self.requests.append({**request.query, "keyterm": request.query.getall("keyterm", [])})
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
                if self.trouble.drop_after is not None and pieces > self.trouble.drop_after:
                    cut(request)
                    return
                every = int(_INTERIM_EVERY_SECONDS * rate * 2)
                if request.query.get("interim_results") == "true" and heard % every < len(message.data):
                    await socket.send_json(_results(self._interim(heard, every), final=False, finalised=False))
                continue
            kind = json.loads(message.data)["type"]
            self.messages.append(kind)
            if kind == "Finalize" and heard and self.answers_finalize:
                await asyncio.sleep(self.trouble.first_delay)
                await socket.send_json(_results(self._next(), final=True, finalised=True))
                heard = 0
            elif kind == "CloseStream":
                await socket.send_json({"type": "Metadata", "request_id": "r", "duration": self.audio_bytes / rate / 2})
                await socket.close()

    def _interim(self, heard: int, every: int) -> str:
        words = self.utterances[0].split() if self.utterances else []
        return " ".join(words[: max(1, heard // every)])

    def _next(self) -> str:
        if not self.utterances:
            return ""
        said = self.utterances.pop(0)
        if self.repeat:
            self.utterances.append(said)
        return said


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
