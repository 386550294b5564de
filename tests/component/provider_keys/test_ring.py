"""Keys: the organization's own before the platform's, cached for a while, never shown."""

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from sovereign.kernel import aws
from sovereign.kernel.secrets import forget_secrets
from sovereign.kernel.settings import read_environment
from sovereign.provider_keys import KeyRing, ProviderKey, base_urls
from sovereign.provider_keys.ring import organization_secret_id


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws.client.cache_clear()
        forget_secrets()
        yield
    aws.client.cache_clear()
    forget_secrets()


def _store(name: str, text: str) -> None:
    aws.client("secretsmanager").create_secret(Name=name, SecretString=text)


def _own(org_id: str, **keys: str) -> None:
    _store(organization_secret_id("sovereign/dev", org_id), json.dumps(keys))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(clock: Clock) -> KeyRing:
    _store("platform", json.dumps({"openai": "platform-openai", "deepgram": "platform-deepgram"}))
    return KeyRing("sovereign/dev", "platform", now=clock)


def test_own_key_beats_the_platforms(ring: KeyRing) -> None:
    _own("org-a", openai="own-openai")
    assert ring.lookup("org-a", "openai") == ProviderKey("own-openai", byok=True)
    assert ring.lookup("org-a", "deepgram") == ProviderKey("platform-deepgram", byok=False)


def test_one_organizations_key_is_not_anothers(ring: KeyRing) -> None:
    _own("org-a", openai="own-openai")
    assert ring.key("org-b", "openai") == "platform-openai"


def test_no_key_at_all_is_none(ring: KeyRing) -> None:
    assert ring.key("org-a", "elevenlabs") is None
    assert KeyRing("sovereign/dev").key("org-a", "openai") is None


def test_an_empty_key_counts_as_none(ring: KeyRing) -> None:
    _own("org-a", openai="")
    assert ring.key("org-a", "openai") == "platform-openai"


@pytest.mark.parametrize("text", ["not json", "[]", '"text"'])
def test_an_unreadable_secret_counts_as_none(ring: KeyRing, text: str) -> None:
    _store(organization_secret_id("sovereign/dev", "org-a"), text)
    assert ring.key("org-a", "openai") == "platform-openai"


def test_a_changed_key_is_seen_after_the_cache_time(ring: KeyRing, clock: Clock) -> None:
    assert ring.key("org-a", "openai") == "platform-openai"
    _own("org-a", openai="own-openai")
    clock.now = 59
    assert ring.key("org-a", "openai") == "platform-openai"
    clock.now = 60
    assert ring.key("org-a", "openai") == "own-openai"


def test_a_key_does_not_show_in_a_representation() -> None:
    assert "sesame" not in repr(ProviderKey("sesame", byok=True))


def test_addresses_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:21701/v1")
    monkeypatch.setenv("DEEPGRAM_BASE_URL", "")
    monkeypatch.delenv("ELEVENLABS_BASE_URL", raising=False)
    read_environment.cache_clear()
    try:
        assert base_urls() == {"openai": "http://127.0.0.1:21701/v1"}
    finally:
        read_environment.cache_clear()
