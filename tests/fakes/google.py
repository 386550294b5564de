"""Stand-ins for Google: Gemini on Vertex AI and on the Gemini API, and Chirp's synthesis over gRPC."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from functools import cache
from types import TracebackType
from typing import Any, Self

import grpc
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.cloud import texttospeech

from tests.fakes.openai import Answer, Chat
from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, Trouble, pieces_of, run, tone

SPEECH_RATE = 24_000
SECONDS_PER_CHARACTER = 0.06
PROJECT = "demo-project"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(key: str) -> str:
    """A service account's key file whose holder is named like one of the stand-ins' keys."""
    pem = _private_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "k1",
            "private_key": pem.decode(),
            "client_email": f"{key}@{PROJECT}.iam.gserviceaccount.com",
            # not Google's: nobody may connect to it
            "token_uri": "http://127.0.0.1:1/token",
        }
    )


def holder_of(authorization: str) -> str:
    """The key whose service account signed a token; empty when nobody we know did."""
    head, _, signature = authorization.removeprefix("Bearer ").rpartition(".")
    try:
        _private_key().public_key().verify(_decoded(signature), head.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_decoded(head.partition(".")[2]))
    except (InvalidSignature, ValueError):
        return ""
    assert claims["scope"] == _SCOPE
    return str(claims["iss"]).partition("@")[0]


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class FakeGoogle(FakeServer):
    """Gemini: text on Vertex AI with a service account, speech on the Gemini API with a key."""

    def __init__(self, trouble: Trouble | None = None, *, chat: Chat | None = None, port: int = 0) -> None:
        super().__init__(trouble, port=port)
        self.chat = chat or Chat()

    def routes(self) -> list[web.RouteDef]:
        place = "/v1beta1/projects/{project}/locations/{location}/publishers/google/models/{model}:{verb}"
        return [web.post(place, self._answer), web.post("/v1beta/models/{model}:{verb}", self._speak)]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(holder_of(request.headers.get("Authorization", "")), bad_key=401):
            return refusal
        assert (request.match_info["verb"], request.query["alt"]) == ("streamGenerateContent", "sse")
        self.requests.append({**request.match_info, **await request.json()})
        return await self._stream(request, _answers(self.chat.next(), self.chat))

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request.headers.get("x-goog-api-key", ""), bad_key=400):
            return refusal
        body = await request.json()
        self.requests.append({**request.match_info, **body})
        text = body["contents"][0]["parts"][0]["text"]
        pcm = tone(max(0.2, len(text) * SECONDS_PER_CHARACTER), SPEECH_RATE)
        return await self._stream(request, _sounds(pcm))

    async def _stream(self, request: web.Request, answers: Iterator[dict[str, Any]]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        events = (b"data: " + json.dumps(answer).encode() + b"\r\n\r\n" for answer in answers)
        return await self.answer_in_pieces(request, response, events)

    def _refusal(self, key: str, *, bad_key: int) -> web.Response | None:
        if self.trouble.status:
            return _error(self.trouble.status, "UNAVAILABLE", "BUSY")
        if key == QUOTA_KEY:
            return _error(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED")
        if key != GOOD_KEY:
            return _error(bad_key, "INVALID_ARGUMENT" if bad_key == 400 else "UNAUTHENTICATED", "API_KEY_INVALID")
        return None


def _error(status: int, name: str, reason: str) -> web.Response:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]
    error = {"code": status, "message": "refused by the stand-in", "status": name, "details": details}
    return web.json_response({"error": error}, status=status)


def _answers(answer: Answer, chat: Chat) -> Iterator[dict[str, Any]]:
    yield _candidate([{"text": "The caller said something.", "thought": True}])
    for text in answer.text:
        yield _candidate([{"text": text}])
    for call_id, name, arguments in answer.tool_calls:
        signature = base64.b64encode(f"signature of {call_id}".encode()).decode()
        call = {"id": call_id, "name": name, "args": json.loads(arguments or "{}")}
        yield _candidate([{"functionCall": call, "thoughtSignature": signature}])
    usage = {"promptTokenCount": 20, "candidatesTokenCount": 4, "thoughtsTokenCount": 1 + chat.reasoning}
    usage |= {"cachedContentTokenCount": chat.cached, "totalTokenCount": 25 + chat.reasoning}
    yield _candidate([{"text": ""}], finishReason="SAFETY" if answer.filtered else "STOP") | {"usageMetadata": usage}


def _sounds(pcm: bytes) -> Iterator[dict[str, Any]]:
    for piece in pieces_of(pcm, 4801):
        data = base64.b64encode(piece).decode()
        yield _candidate([{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}}])
    usage = {"promptTokenCount": 20, "candidatesTokenCount": 5, "totalTokenCount": 25}
    yield _candidate([], finishReason="STOP") | {"usageMetadata": usage}


def _candidate(parts: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0, **more}], "modelVersion": "m"}


class FakeChirp:
    """Cloud Text-to-Speech's StreamingSynthesize. As `FakeServer`, but of gRPC; connections end with UNAVAILABLE."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.trouble = trouble or Trouble()
        self.requests: list[dict[str, object]] = []
        self.open_connections = 0
        self.url = ""
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        handler = grpc.stream_stream_rpc_method_handler(
            self._synthesise,
            request_deserializer=texttospeech.StreamingSynthesizeRequest.deserialize,
            response_serializer=texttospeech.StreamingSynthesizeResponse.serialize,
        )
        service = "google.cloud.texttospeech.v1.TextToSpeech"
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"StreamingSynthesize": handler}),)
        )
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            await self._server.stop(0.1)

    async def _synthesise(self, requests: Any, context: Any) -> AsyncIterator[texttospeech.StreamingSynthesizeResponse]:
        # on loopback a refusal would overtake what the client is still writing, which gRPC then reports instead
        given = [request async for request in requests]
        await self._check(dict(context.invocation_metadata()).get("authorization", ""), context)
        config, text = given[0].streaming_config, "".join(request.input.text for request in given[1:])
        audio = config.streaming_audio_config
        self.requests.append(
            {
                "text": text,
                "voice": config.voice.name,
                "language": config.voice.language_code,
                "rate": audio.sample_rate_hertz,
                "speed": audio.speaking_rate,
                "encoding": audio.audio_encoding.name,
            }
        )
        self.open_connections += 1
        try:
            await asyncio.sleep(self.trouble.first_delay)
            pcm = tone(max(0.2, len(text) * SECONDS_PER_CHARACTER), audio.sample_rate_hertz)
            for count, piece in enumerate(pieces_of(pcm, 4801)):
                if self.trouble.cuts(count):
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
                if count:
                    await asyncio.sleep(self.trouble.between_delay)
                yield texttospeech.StreamingSynthesizeResponse(audio_content=piece)
        finally:
            self.open_connections -= 1

    async def _check(self, authorization: str, context: Any) -> None:
        key = holder_of(authorization)
        if self.trouble.status:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        if key == QUOTA_KEY:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")
        if key != GOOD_KEY:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "key")


if __name__ == "__main__":
    run("google", lambda trouble, port: FakeGoogle(trouble, port=port))
