"""A stand-in for xAI: OpenAI's chat completions, and speech over its websocket."""

import asyncio
import base64
import json
from typing import Any

from aiohttp import web

from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import GOOD_KEY, QUOTA_KEY, cut, pieces_of, run, tone

SECONDS_PER_CHARACTER = 0.06


class FakeXai(FakeOpenAI):
    closes_after_speaking = False
    """Whether a connection is closed when its sentence was spoken, as after a long silence."""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._complete), web.get("/v1/tts", self._socket)]

    def figures(self) -> dict[str, Any]:
        """As OpenAI's, but the reasoning is in the total only."""
        return {**super().figures(), "completion_tokens": 5}

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        status = self.trouble.status or {GOOD_KEY: None, QUOTA_KEY: 429}.get(key, 401)
        if status:
            return web.json_response({"code": "refused", "error": "by the stand-in"}, status=status)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        text = ""
        async for message in socket:
            event = json.loads(message.data)
            if event["type"] == "text.delta":
                text += event["delta"]
            elif event["type"] == "text.done":
                self.requests.append({**request.query, "text": text})
                if not await self._say(request, socket, text) or self.closes_after_speaking:
                    break
                text = ""
        return socket

    async def _say(self, request: web.Request, socket: web.WebSocketResponse, text: str) -> bool:
        self.open_connections += 1
        try:
            await asyncio.sleep(self.trouble.first_delay)
            pcm = tone(max(0.2, len(text) * SECONDS_PER_CHARACTER), int(request.query["sample_rate"]))
            for count, piece in enumerate(pieces_of(pcm, 4801)):
                if self.trouble.cuts(count):
                    cut(request)
                    return False
                if count:
                    await self._pause(socket)
                if self.trouble.garbled and count == 1:
                    await socket.send_str(self.trouble.garbled.decode())
                    continue
                await socket.send_json({"type": "audio.delta", "delta": base64.b64encode(piece).decode()})
            await socket.send_json({"type": "audio.done", "trace_id": "t"})
            return True
        finally:
            self.open_connections -= 1

    async def _pause(self, socket: web.WebSocketResponse) -> None:
        """Wait between two pieces, no longer than the client is there (it sends nothing meanwhile)."""
        if not self.trouble.between_delay:
            return
        try:
            async with asyncio.timeout(self.trouble.between_delay):
                gone: Any = await socket.receive()
        except TimeoutError:
            return
        raise ConnectionResetError(str(gone.type))


if __name__ == "__main__":
    run("xai", lambda trouble, port: FakeXai(trouble, port=port))
