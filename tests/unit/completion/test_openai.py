import json
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from sovereign.completion.interface import CompletionError, Prompt, TokenUsage
from sovereign.completion.openai import OpenAICompletion
from sovereign.completion.registry import CompletionChoice, Completions
from sovereign.provider_keys import ProviderKey

ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5.4-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}
PROMPTS = [Prompt("system", "be brief"), Prompt("user", "hi")]


def completion(respond: Callable[[httpx2.Request], httpx2.Response], model: str = "gpt-5.4-mini") -> OpenAICompletion:
    client = openai.DefaultHttpxClient(transport=httpx2.MockTransport(respond))
    return OpenAICompletion(model=model, api_key="sk-very-secret", base_url="http://stand-in/v1", http_client=client)


def sent(model: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    seen: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=ANSWER)

    answer = completion(respond, model).complete(PROMPTS, json_schema=schema)
    assert (answer.text, answer.usage) == ("hello", TokenUsage(12, 3))
    assert seen[0].url == "http://stand-in/v1/chat/completions"
    body: dict[str, Any] = json.loads(seen[0].content)
    return body


def test_the_request_names_model_and_messages_and_asks_for_no_reasoning() -> None:
    body = sent("gpt-5.4-mini")
    assert body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert (body["model"], body["reasoning_effort"]) == ("gpt-5.4-mini", "none")
    assert "response_format" not in body
    assert "reasoning_effort" not in sent("gpt-4.1")


def test_a_schema_is_sent_as_the_response_format() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    described = sent("gpt-5.4-mini", schema)["response_format"]["json_schema"]
    assert (described["schema"], described["strict"]) == (schema, False)


@pytest.mark.parametrize(
    ("status", "words", "retryable"),
    [
        (401, "refused the key", False),
        (400, "answered 400", False),
        (429, "quota", True),
        (503, "answered 503", True),
    ],
)
def test_a_refusal_is_typed_and_holds_no_secret(status: int, words: str, retryable: bool) -> None:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json={"error": {"message": "sk-very-secret"}}, headers={"retry-after-ms": "1"})

    with pytest.raises(CompletionError, match=words) as failed:
        completion(respond).complete(PROMPTS)
    assert failed.value.retryable is retryable
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "respond",
    [
        lambda _: httpx2.Response(200, json=ANSWER | {"choices": []}),
        lambda _: httpx2.Response(200, content=b"<html>", headers={"content-type": "application/json"}),
        lambda _: httpx2.Response(200, html="<html>Welcome</html>"),
        lambda _: httpx2.Response(200, json="hello"),
        lambda _: httpx2.Response(200, json=ANSWER | {"choices": {}}),
        lambda _: httpx2.Response(200, json=ANSWER | {"choices": "hello"}),
        lambda _: httpx2.Response(200, json=ANSWER | {"choices": [{"message": None}]}),
        lambda _: httpx2.Response(200, json=ANSWER | {"choices": [{"message": {"content": ["hello"]}}]}),
    ],
)
def test_an_answer_without_text_is_a_failure(respond: Callable[[httpx2.Request], httpx2.Response]) -> None:
    with pytest.raises(CompletionError):
        completion(respond).complete(PROMPTS)


@pytest.mark.parametrize("told", [None, 15, {"total_tokens": 15}, {"prompt_tokens": None, "completion_tokens": "3"}])
def test_figures_that_cannot_be_read_cost_no_answer(told: Any) -> None:
    answer = completion(lambda _: httpx2.Response(200, json=ANSWER | {"usage": told})).complete(PROMPTS)
    assert (answer.text, answer.usage) == ("hello", TokenUsage())


def test_a_connection_that_fails_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("", request=request)

    monkeypatch.setattr("openai._base_client.time.sleep", lambda _: None)
    with pytest.raises(CompletionError, match="no answer in time"):
        completion(respond).complete(PROMPTS)


class NoKeys:
    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        return None


@pytest.mark.parametrize(("provider", "words"), [("openai", "no key is configured"), ("skynet", "not offered")])
def test_a_missing_key_and_an_unknown_vendor_never_become_another(provider: str, words: str) -> None:
    with pytest.raises(CompletionError, match=words):
        Completions(NoKeys(), {}).open(CompletionChoice(provider, "m"), "org")


def test_the_local_model_needs_no_key() -> None:
    opened = Completions(NoKeys(), {}).open(CompletionChoice("local", "extractive"), "org")
    assert opened.complete([Prompt("user", "user: I want a refund.")]).text == "Caller: “I want a refund.”"
