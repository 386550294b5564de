"""A stand-in for Gemini Live, of the Gemini API and of Vertex AI. The SDK takes no unencrypted address, so this one has
a certificate of its own, which a client must trust (SSL_CERT_FILE)."""

from typing import Any

import jwt
from aiohttp import web

from media.control.certificate import make_certificate
from tests.fakes.realtime import Connection, FakeRealtime, Reply, encoded
from tests.fakes.server import BAD_KEY, QUOTA_KEY, Trouble

GEMINI = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"


class FakeGeminiLive(FakeRealtime):
    """Tells a bad key and a quota by closing the websocket, as the service does."""

    def __init__(self, trouble: Trouble | None = None, **script: Any) -> None:
        super().__init__(trouble, **script)
        certificate = make_certificate("gemini", "127.0.0.1")
        self.certificate = certificate.pem
        self.tls = certificate.server_context()

    def routes(self) -> list[web.RouteDef]:
        return [web.get(GEMINI, self._serve), web.get(VERTEX, self._serve)]

    def key_of(self, request: web.Request) -> str:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer:
            return str(jwt.decode(bearer, options={"verify_signature": False})["iss"])
        return request.headers.get("x-goog-api-key", "")

    def refusal(self, key: str) -> int | None:
        return None

    def connection(self, request: web.Request, socket: web.WebSocketResponse) -> Connection:
        self.requests.append({"path": request.path})
        return _Connection(self, request, socket)


class _Connection(Connection):
    seeding = False

    async def take(self, event: dict[str, Any]) -> None:
        if "setup" in event:
            await self._setup(event["setup"])
        elif "toolResponse" in event or "tool_response" in event:
            self.speak(self.server.next_reply())
        elif "client_content" in event or "clientContent" in event:
            self.seeding = False
        elif text := _realtime(event).get("text"):
            _, exactly, line = text.partition("and nothing else: ")
            if exactly and "speak" in self.server.ignores:
                return
            self.speak(Reply(line.rstrip(")")) if exactly else self.server.next_reply())

    async def _setup(self, setup: dict[str, Any]) -> None:
        key = self.server.key_of(self.request)
        if key == BAD_KEY:
            await self.socket.close(code=1007, message=b"API key not valid. Please pass a valid API key.")
        elif key == QUOTA_KEY:
            await self.socket.close(code=1011, message=b"You exceeded your current quota, please check your plan.")
        else:
            await self.send({"setupComplete": {"sessionId": "s1"}})

    def audio_of(self, event: dict[str, Any]) -> str | None:
        audio = _realtime(event).get("audio")
        if audio is None:
            return None
        mime = audio.get("mimeType") or audio.get("mime_type")
        self.hearing.rate = int(mime.rpartition("=")[2])
        # the SDK writes bytes in the URL's alphabet
        return str(audio["data"]).replace("-", "+").replace("_", "/")

    async def caller_started(self) -> None:
        if self.stop():
            await self._content(interrupted=True)
            await self._content(turnComplete=True)

    async def caller_ended(self, text: str) -> None:
        if "transcript" not in self.server.ignores:
            await self._content(inputTranscription={"text": text})

    async def piece(self, pcm: bytes) -> None:
        part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": encoded(pcm)}}
        await self._content(modelTurn={"parts": [part]})

    async def words(self, text: str) -> None:
        await self._content(outputTranscription={"text": text})

    async def finish(self, reply: Reply) -> None:
        if reply.calls:
            calls = [
                {"id": f"call_{self.turn}_{place}", "name": name, "args": dict(arguments)}
                for place, (name, arguments) in enumerate(reply.calls)
            ]
            await self.send({"toolCall": {"functionCalls": calls}})
            return
        await self._content(generationComplete=True)
        answer = "candidates" if "aiplatform" in self.request.path else "response"
        usage = {
            "promptTokenCount": 100,
            f"{answer}TokenCount": 20,
            "totalTokenCount": 120,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}],
            f"{answer}TokensDetails": [{"modality": "AUDIO", "tokenCount": 20}],
        }
        await self.send({"serverContent": {"turnComplete": True}, "usageMetadata": usage})

    async def _content(self, **members: Any) -> None:
        await self.send({"serverContent": members})


def _realtime(event: dict[str, Any]) -> dict[str, Any]:
    found = event.get("realtimeInput") or event.get("realtime_input") or {}
    return found if isinstance(found, dict) else {}
