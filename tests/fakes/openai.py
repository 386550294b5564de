"""A stand-in for OpenAI: streamed chat completions with tool calls, and speech."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, Trouble, pieces_of, run, tone

SPEECH_RATE = 24_000
SECONDS_PER_CHARACTER = 0.06
_ONLY_OWN_TEMPERATURE = {"gpt-5", "gpt-5-mini", "gpt-5-nano"}


@dataclass(frozen=True)
class Answer:
    """One chat answer: text in pieces, then tool calls as (id, name, JSON text of the arguments). `filtered`: its end
    tells that the rest was withheld."""

    text: Sequence[str] = ()
    tool_calls: Sequence[tuple[str, str, str]] = ()
    filtered: bool = False


@dataclass
class Chat:
    """What the model says: `answers` in order, then the last one again and again; and what it counts besides."""

    answers: list[Answer] = field(default_factory=lambda: [Answer(text=["Hello", ", how can", " I help you?"])])
    cached: int = 0
    reasoning: int = 0

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class FakeOpenAI(FakeServer):
    def __init__(self, trouble: Trouble | None = None, *, chat: Chat | None = None, port: int = 0) -> None:
        super().__init__(trouble, port=port)
        self.chat = chat or Chat()

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._complete), web.post("/v1/audio/speech", self._speak)]

    def answer_to(self, body: dict[str, Any]) -> Answer:
        """What a request for a completion is answered."""
        return self.chat.next()

    def figures(self) -> dict[str, Any]:
        """The tokens of an answer; those of its reasoning are part of the completion."""
        cached, reasoning = self.chat.cached, self.chat.reasoning
        return {
            "prompt_tokens": 20,
            "completion_tokens": 5 + reasoning,
            "total_tokens": 25 + reasoning,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        body = await request.json()
        self.requests.append(body)
        if body["model"] in _ONLY_OWN_TEMPERATURE and body.get("temperature", 1) != 1:
            return _error(400, "invalid_request_error", "unsupported_value")
        answer = self.answer_to(body)
        if not body.get("stream"):
            return web.json_response(_whole(body["model"], answer))
        usage = self.figures() if (body.get("stream_options") or {}).get("include_usage") else None
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        return await self.answer_in_pieces(request, response, _events(body["model"], answer, usage))

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._refusal(request):
            return refusal
        body = await request.json()
        self.requests.append(body)
        assert body["response_format"] == "pcm"
        pcm = tone(max(0.2, len(body["input"]) * SECONDS_PER_CHARACTER), SPEECH_RATE)
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        # odd pieces: samples are cut in the middle, as a network does
        return await self.answer_in_pieces(request, response, pieces_of(pcm, 4801))

    def _refusal(self, request: web.Request) -> web.Response | None:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.trouble.status:
            return _error(self.trouble.status, "server_error", None)
        if key == QUOTA_KEY:
            return _error(429, "insufficient_quota", "insufficient_quota")
        if key != GOOD_KEY:
            return _error(401, "invalid_request_error", "invalid_api_key")
        return None


def _error(status: int, kind: str, code: str | None) -> web.Response:
    body = {"error": {"message": "refused by the stand-in", "type": kind, "param": None, "code": code}}
    return web.json_response(body, status=status)


def _events(model: str, answer: Answer, usage: dict[str, Any] | None) -> Iterator[bytes]:
    yield _chunk(model, {"role": "assistant", "content": ""})
    for text in answer.text:
        yield _chunk(model, {"content": text})
    for index, (call_id, name, arguments) in enumerate(answer.tool_calls):
        head = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
        yield _chunk(model, {"tool_calls": [head]})
        for at in range(0, len(arguments), 7):
            piece = {"index": index, "function": {"arguments": arguments[at : at + 7]}}
            yield _chunk(model, {"tool_calls": [piece]})
    finish = "tool_calls" if answer.tool_calls else "stop"
    yield _chunk(model, {}, finish="content_filter" if answer.filtered else finish)
    if usage:
        yield _event({**_frame(model), "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _event({**_frame(model), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _frame(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _whole(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(answer.text)}
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {**_frame(model), "object": "chat.completion", "choices": choices, "usage": usage}


if __name__ == "__main__":
    run("openai", lambda trouble, port: FakeOpenAI(trouble, port=port))
