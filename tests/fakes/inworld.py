"""A stand-in for Inworld's streamed speech: lines of JSON, each piece of sound a WAV file of its own."""

import base64
import io
import json
import wave
from collections.abc import Iterator

from aiohttp import web

from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, pieces_of, run, tone

SECONDS_PER_CHARACTER = 0.06


class FakeInworld(FakeServer):
    def routes(self) -> list[web.RouteDef]:
        return [web.post("/tts/v1/voice:stream", self._speak)]

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Basic ")
        if self.trouble.status:
            return _error(self.trouble.status, 14)
        if key == QUOTA_KEY:
            return _error(429, 8)
        if key != GOOD_KEY:
            return _error(401, 16)
        body = await request.json()
        self.requests.append(body)
        audio = body["audioConfig"]
        assert audio["audioEncoding"] == "LINEAR16"
        rate = audio["sampleRateHertz"]
        pcm = tone(max(0.2, len(body["text"]) * SECONDS_PER_CHARACTER), rate)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        return await self.answer_in_pieces(request, response, _lines(pcm, rate, len(body["text"])))


def _lines(pcm: bytes, rate: int, characters: int) -> Iterator[bytes]:
    for piece in pieces_of(pcm, 3200):
        sound = io.BytesIO()
        with wave.open(sound, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(piece)
        usage = {"processedCharactersCount": characters, "modelId": "inworld-tts-2"}
        result = {"audioContent": base64.b64encode(sound.getvalue()).decode(), "usage": usage}
        yield json.dumps({"result": result}).encode() + b"\n"


def _error(status: int, code: int) -> web.Response:
    return web.json_response({"code": code, "message": "refused by the stand-in", "details": []}, status=status)


if __name__ == "__main__":
    run("inworld", lambda trouble, port: FakeInworld(trouble, port=port))
