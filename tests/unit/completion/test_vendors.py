"""What holds for every vendor of after-call work; OpenAI's own in `test_openai`."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from sovereign.completion import chat_completions
from sovereign.completion.interface import CompletionError, Prompt, TokenUsage
from sovereign.completion.registry import CompletionChoice, Completions
from sovereign.provider_keys import ProviderKey
from tests.fakes.google import holder_of, service_account

ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}
PROMPTS = [Prompt("system", "be brief"), Prompt("user", "hi")]
VERTEX = "projects/demo-project/locations"
KEYS = {"openai": "sk-o", "xai": "xai-x", "mistral": "m-m", "google_vertex": service_account("good-key")}


class Keys:
    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        return ProviderKey(KEYS[provider], byok=False) if org_id == "org-a" else None


Ask = Callable[[str, str], httpx2.Request]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Opens a completion whose requests are answered by a function."""

    def open_one(provider: str, model: str, respond: Callable[[httpx2.Request], httpx2.Response]) -> Any:
        plain = openai.OpenAI

        def client(**members: Any) -> openai.OpenAI:
            http = openai.DefaultHttpxClient(transport=httpx2.MockTransport(respond))
            return plain(**(members | {"http_client": http}))

        monkeypatch.setattr(chat_completions.openai, "OpenAI", client)
        return Completions(Keys(), {}).open(CompletionChoice(provider, model), "org-a")

    return open_one


@pytest.mark.parametrize(
    ("provider", "model", "url", "limit", "effort", "sent_model"),
    [
        ("openai", "gpt-5.4-mini", "https://api.openai.com/v1", "max_completion_tokens", "none", "gpt-5.4-mini"),
        ("xai", "grok-4.3", "https://api.x.ai/v1", "max_completion_tokens", "none", "grok-4.3"),
        ("mistral", "mistral-medium-latest", "https://api.mistral.ai/v1", "max_tokens", None, "mistral-medium-latest"),
        (
            "google",
            "gemini-2.5-flash-lite",
            f"https://europe-west4-aiplatform.googleapis.com/v1/{VERTEX}/europe-west4/endpoints/openapi",
            "max_tokens",
            None,
            "google/gemini-2.5-flash-lite",
        ),
        (
            "google",
            "gemini-3.5-flash",
            f"https://aiplatform.eu.rep.googleapis.com/v1/{VERTEX}/eu/endpoints/openapi",
            "max_tokens",
            None,
            "google/gemini-3.5-flash",
        ),
    ],
)
def test_request_is_what_the_vendor_documents(
    opened: Callable[..., Any], provider: str, model: str, url: str, limit: str, effort: str | None, sent_model: str
) -> None:
    seen: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=ANSWER)

    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    answer = opened(provider, model, respond).complete(PROMPTS, json_schema=schema)
    assert (answer.text, answer.usage) == ("hello", TokenUsage(12, 3))
    [request] = seen
    assert str(request.url) == f"{url}/chat/completions"
    authorization = request.headers["authorization"]
    if provider == "google":
        assert holder_of(authorization) == "good-key"
    else:
        assert authorization == f"Bearer {KEYS[provider]}"
    body = json.loads(request.content)
    expected = {
        "model": sent_model,
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        limit: 8192,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "structured_data", "schema": schema, "strict": False},
        },
    }
    assert body == expected | ({"reasoning_effort": effort} if effort else {})


@pytest.mark.parametrize("provider", ["openai", "xai", "mistral", "google"])
@pytest.mark.parametrize(("status", "words", "retryable"), [(401, "refused the key", False), (503, "503", True)])
def test_refusal_names_the_vendor_and_holds_no_secret(
    opened: Callable[..., Any], provider: str, status: int, words: str, retryable: bool
) -> None:
    def respond(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json={"error": {"message": "secret"}}, headers={"retry-after-ms": "1"})

    model = "gemini-2.5-flash" if provider == "google" else "m"
    with pytest.raises(CompletionError, match=f"{provider}: .*{words}") as failed:
        opened(provider, model, respond).complete(PROMPTS)
    assert failed.value.retryable is retryable
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("provider", ["openai", "xai", "mistral", "google"])
def test_a_missing_key_never_becomes_another_vendor(provider: str) -> None:
    with pytest.raises(CompletionError, match=f"{provider}: no key is configured"):
        Completions(Keys(), {}).open(CompletionChoice(provider, "m"), "org-b")


@pytest.mark.parametrize("key", ["not json", "[]", "{}", '{"project_id": "p"}'])
def test_what_is_no_service_account_is_refused_without_repeating_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KEYS, "google_vertex", key)
    with pytest.raises(CompletionError, match="google: the key is not a service account's"):
        Completions(Keys(), {}).open(CompletionChoice("google", "gemini-2.5-flash"), "org-a")


def test_a_token_is_good_for_the_cloud_and_not_for_long() -> None:
    from sovereign.completion.google import VertexAccess  # noqa: PLC0415 - what only its users import

    claims = VertexAccess.of(KEYS["google_vertex"], "gemini-2.5-flash").token.split(".")[1]
    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert read["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert read["exp"] - read["iat"] <= 3600
