"""A stand-in for Google's Speech-to-Text v2: its gRPC method StreamingRecognize, in the clear."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud.speech_v2 import types
from grpc import aio

from tests.fakes.google import holder_of
from tests.fakes.recogniser import FakeRecogniser
from tests.fakes.server import run

_METHOD = "StreamingRecognize"
_STATUS = {401: grpc.StatusCode.UNAUTHENTICATED, 429: grpc.StatusCode.RESOURCE_EXHAUSTED}
_LARGEST_REQUEST = 15_000


class FakeGoogleSpeech(FakeRecogniser):
    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._server: aio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = aio.server()
        listen = grpc.stream_stream_rpc_method_handler(
            self._listen,
            request_deserializer=types.StreamingRecognizeRequest.deserialize,
            response_serializer=types.StreamingRecognizeResponse.serialize,
        )
        handler = grpc.method_handlers_generic_handler("google.cloud.speech.v2.Speech", {_METHOD: listen})
        self._server.add_generic_rpc_handlers((handler,))
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            await self._server.stop(0.1)

    async def _listen(
        self, requests: AsyncIterator[types.StreamingRecognizeRequest], context: Any
    ) -> AsyncIterator[types.StreamingRecognizeResponse]:
        metadata = dict(context.invocation_metadata())
        if refusal := self.refusal(holder_of(metadata.get("authorization", ""))):
            await context.abort(_STATUS.get(refusal, grpc.StatusCode.UNAVAILABLE), "refused")
        first = await anext(requests)
        config = first.streaming_config.config
        self.requests.append(
            {
                "recognizer": first.recognizer,
                "routing": metadata.get("x-goog-request-params"),
                "model": config.model,
                "language_codes": list(config.language_codes),
                "sample_rate": config.explicit_decoding_config.sample_rate_hertz,
                "encoding": config.explicit_decoding_config.encoding.name,
                "interim_results": first.streaming_config.streaming_features.interim_results,
            }
        )
        self.connections += 1
        self.open_connections += 1
        try:
            async for answer in self._converse(requests, context, config.explicit_decoding_config.sample_rate_hertz):
                yield answer
        finally:
            self.open_connections -= 1

    async def _converse(
        self, requests: AsyncIterator[types.StreamingRecognizeRequest], context: Any, rate: int
    ) -> AsyncIterator[types.StreamingRecognizeResponse]:
        heard = pieces = 0
        while (request := await self._next(requests, context)) is not None:
            assert len(request.audio) <= _LARGEST_REQUEST
            heard += len(request.audio)
            self.audio_bytes += len(request.audio)
            pieces += 1
            if self.cut_after(pieces):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
            if interim := self.interim(heard, len(request.audio), rate):
                yield _answer(interim, final=False)
        self.messages.append("half-close")
        await asyncio.sleep(self.trouble.first_delay)
        if not self.answers_end:
            await asyncio.sleep(30)
        if heard and (said := self.next_utterance()):
            yield _answer(said, final=True)

    async def _next(
        self, requests: AsyncIterator[types.StreamingRecognizeRequest], context: Any
    ) -> types.StreamingRecognizeRequest | None:
        """More audio; None when it was ended."""
        try:
            async with asyncio.timeout(self.patience):
                return await anext(requests, None)
        except TimeoutError:
            await context.abort(grpc.StatusCode.ABORTED, "Stream timed out after receiving no more client requests.")
            raise


def _answer(text: str, *, final: bool) -> types.StreamingRecognizeResponse:
    best = types.SpeechRecognitionAlternative(transcript=text, confidence=0.93 if final else 0.0)
    return types.StreamingRecognizeResponse(
        results=[types.StreamingRecognitionResult(alternatives=[best], is_final=final, language_code="en-US")]
    )


if __name__ == "__main__":
    run("google_speech", lambda trouble, port: FakeGoogleSpeech(trouble, port=port))
