"""A stand-in for Mistral's chat completions, which refuses the conversations that Mistral refuses."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from aiohttp import web

from tests.fakes.openai import Answer, Chat
from tests.fakes.server import GOOD_KEY, QUOTA_KEY, FakeServer, Trouble, run

_MAY_FOLLOW = {
    None: {"system", "user", "assistant"},
    "system": {"system", "user", "assistant"},
    "user": {"system", "user", "assistant"},
    "assistant": {"user", "assistant", "tool"},
    "tool": {"assistant", "tool"},
}
"""As `mistral-common` validates requests; further, every call has its result, and the model has the word."""
_USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}


class FakeMistral(FakeServer):
    def __init__(self, trouble: Trouble | None = None, *, chat: Chat | None = None, port: int = 0) -> None:
        super().__init__(trouble, port=port)
        self.chat = chat or Chat()

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/chat/completions", self._complete)]

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.trouble.status:
            return web.Response(status=self.trouble.status, text="upstream connect error")
        if key == QUOTA_KEY:
            body = {
                "object": "error",
                "message": "Requests rate limit exceeded",
                "type": "rate_limited",
                "code": "1300",
            }
            return web.json_response(body, status=429)
        if key != GOOD_KEY:
            return web.json_response({"detail": "Unauthorized"}, status=401)
        asked = await request.json()
        self.requests.append(asked)
        if asked["temperature"] > 1.5:
            detail = [{"type": "less_than_equal", "loc": ["body", "temperature"], "ctx": {"le": 1.5}}]
            return web.json_response({"object": "error", "message": {"detail": detail}}, status=422)
        if problem := _problem(asked["messages"]):
            kind, message = problem
            return web.json_response({"object": "error", "message": message, "type": kind}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        return await self.answer_in_pieces(request, response, _events(asked["model"], self.chat.next()))


def _problem(messages: Sequence[dict[str, Any]]) -> tuple[str, str] | None:
    """What Mistral would refuse the conversation for: the error's type and message."""
    order, expected = "invalid_request_message_order", list[str]()
    before = None
    for message in messages:
        role, calls = message["role"], [call["id"] for call in message.get("tool_calls") or ()]
        if role not in _MAY_FOLLOW[before]:
            return order, f"Unexpected role '{role}' after role '{before}'"
        for call_id in [*calls, message["tool_call_id"]] if role == "tool" else calls:
            if not re.fullmatch("[a-zA-Z0-9]{9}", call_id):
                must = "must be a-z, A-Z, 0-9, with a length of 9."
                return "invalid_function_call", f"Tool call id was {call_id} but {must}"
        if role == "tool":
            if message["tool_call_id"] not in expected:
                return order, f"Unexpected tool call id {message['tool_call_id']} in tool results"
            expected.remove(message["tool_call_id"])
        elif role == "assistant":
            if expected:
                return order, "Not the same number of function calls and responses"
            expected = calls
        before = role
    if before == "assistant":
        return order, "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
    return (order, "Not the same number of function calls and responses") if expected else None


def _events(model: str, answer: Answer) -> Iterator[bytes]:
    yield _event(model, {"role": "assistant", "content": ""})
    for text in answer.text:
        yield _event(model, {"content": text})
    # tool calls come whole, in the last chunk
    calls = [
        {"id": call_id, "function": {"name": name, "arguments": arguments}, "index": index}
        for index, (call_id, name, arguments) in enumerate(answer.tool_calls)
    ]
    last: dict[str, Any] = {"content": ""} | ({"tool_calls": calls} if calls else {})
    yield _event(model, last, finish="tool_calls" if calls else "stop")
    yield b"data: [DONE]\n\n"


def _event(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
    body |= {"choices": [choice]} | ({"usage": _USAGE} if finish else {})
    return b"data: " + json.dumps(body).encode() + b"\n\n"


if __name__ == "__main__":
    run("mistral", lambda trouble, port: FakeMistral(trouble, port=port))
