"""A stand-in for ElevenLabs' streamed text to speech."""

from aiohttp import web

from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, pieces_of, run, tone

SECONDS_PER_CHARACTER = 0.06


class FakeElevenLabs(FakeServer):
    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/text-to-speech/{voice_id}/stream", self._speak)]

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("xi-api-key", "")
        if self.trouble.status:
            return web.json_response({"detail": "refused"}, status=self.trouble.status)
        if key == QUOTA_KEY:
            return web.json_response({"detail": {"status": "quota_exceeded", "message": "no credits"}}, status=401)
        if key != GOOD_KEY:
            return web.json_response({"detail": {"status": "invalid_api_key", "message": "no"}}, status=401)
        body = await request.json()
        self.requests.append({**body, "voice_id": request.match_info["voice_id"], **request.query})
        if body["model_id"] == "eleven_multilingual_v2" and "language_code" in body:
            return web.json_response({"detail": {"status": "unsupported_language", "message": "no"}}, status=400)
        rate = int(request.query["output_format"].removeprefix("pcm_"))
        pcm = tone(max(0.2, len(body["text"]) * SECONDS_PER_CHARACTER), rate)
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        return await self.answer_in_pieces(request, response, pieces_of(pcm, 3201))


if __name__ == "__main__":
    run("elevenlabs", lambda trouble, port: FakeElevenLabs(trouble, port=port))
