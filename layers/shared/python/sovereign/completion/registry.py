"""Which vendor answers: by name, never by falling back to another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sovereign.completion.interface import ChatCompletion, CompletionError
from sovereign.provider_keys.ring import ProviderKey

if TYPE_CHECKING:
    from sovereign.completion.chat_completions import Dialect


@dataclass(frozen=True)
class CompletionChoice:
    """The provider and model of after-call work."""

    provider: str
    model: str


class Keys(Protocol):
    """Where provider keys come from (`sovereign.provider_keys.KeyRing`)."""

    def lookup(self, org_id: str, provider: str) -> ProviderKey | None:
        """The organization's own key, else the platform's; None when there is neither."""


@dataclass(frozen=True)
class Completions:
    """Opens completions for an organization. `base_urls` overrides a vendor's address by provider name."""

    keys: Keys
    base_urls: Mapping[str, str]

    def open(self, choice: CompletionChoice, org_id: str) -> ChatCompletion:
        """The chosen model, ready to answer. Raises CompletionError for an unknown provider or a missing key."""
        opener = _OPENERS.get(choice.provider)
        if opener is None:
            raise CompletionError(choice.provider, "not offered for after-call work", retryable=False)
        return opener(self, choice, org_id)


def _open_local(_completions: Completions, _choice: CompletionChoice, _org_id: str) -> ChatCompletion:
    from sovereign.completion.local import LocalCompletion  # noqa: PLC0415 - only its users pay for it

    return LocalCompletion()


def _open_openai(completions: Completions, choice: CompletionChoice, org_id: str) -> ChatCompletion:
    key = _key(completions, "openai", "openai", org_id)
    from sovereign.completion.openai import TIMEOUT_SECONDS, OpenAICompletion  # noqa: PLC0415 - the SDK is slow to import

    if key.base_url is None:
        return OpenAICompletion(model=choice.model, api_key=key.value, base_url=completions.base_urls.get("openai"))
    from sovereign.kernel import egress_httpx2  # noqa: PLC0415 - as above

    guarded = egress_httpx2.client(TIMEOUT_SECONDS)
    return OpenAICompletion(model=choice.model, api_key=key.value, base_url=key.base_url, http_client=guarded)


def _open_xai(completions: Completions, choice: CompletionChoice, org_id: str) -> ChatCompletion:
    key = _key(completions, "xai", "xai", org_id)
    from sovereign.completion.xai import DIALECT  # noqa: PLC0415 - as above

    return _compatible(DIALECT, choice, key.value, completions.base_urls.get("xai"))


def _open_mistral(completions: Completions, choice: CompletionChoice, org_id: str) -> ChatCompletion:
    key = _key(completions, "mistral", "mistral", org_id)
    from sovereign.completion.mistral import DIALECT  # noqa: PLC0415 - as above

    address = completions.base_urls.get("mistral")
    # for calls the address is that of the host, as Mistral's own SDK takes it
    return _compatible(DIALECT, choice, key.value, f"{address.rstrip('/')}/v1" if address else None)


def _open_google(completions: Completions, choice: CompletionChoice, org_id: str) -> ChatCompletion:
    key = _key(completions, "google", "google_vertex", org_id)
    from sovereign.completion.google import VertexAccess  # noqa: PLC0415 - as above

    access, address = VertexAccess.of(key.value, choice.model), completions.base_urls.get("google")
    return _compatible(access.dialect, choice, access.token, f"{address.rstrip('/')}/v1" if address else None)


def _compatible(dialect: "Dialect", choice: CompletionChoice, key: str, base_url: str | None) -> ChatCompletion:
    from sovereign.completion.chat_completions import ChatCompletions  # noqa: PLC0415 - as above

    return ChatCompletions(dialect, model=choice.model, api_key=key, base_url=base_url)


def _key(completions: Completions, provider: str, slot: str, org_id: str) -> ProviderKey:
    key = completions.keys.lookup(org_id, slot)
    if key is None:
        raise CompletionError(provider, "no key is configured", retryable=False)
    return key


_OPENERS: Mapping[str, Callable[[Completions, CompletionChoice, str], ChatCompletion]] = {
    "local": _open_local,
    "openai": _open_openai,
    "xai": _open_xai,
    "mistral": _open_mistral,
    "google": _open_google,
}
