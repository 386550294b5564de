"""Own keys in calls and analysis: what runs on them is told, and their address stays behind the egress guard."""

import socket
from pathlib import Path
from typing import Any

import pytest

from media.directory import TableDirectory
from media.speech.interfaces import ChatMessage, ProviderError
from media.speech.registry import Providers
from sovereign.assistants import transient
from sovereign.byok import KeyVault, with_config, with_key
from sovereign.calls.store import CallStore
from sovereign.catalog.llm import OpenAiLlm
from sovereign.completion.interface import CompletionError, Prompt
from sovereign.completion.registry import CompletionChoice, Completions
from sovereign.kernel import egress_transport
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Table
from sovereign.provider_keys import KeyRing
from tests.unit.assistants.fixtures import ORG, OTHER_ORG

OPENAI = OpenAiLlm.model_validate({"provider": "openai", "model": "gpt-5.4"})
ADDRESS = {"base_url": "https://llm.example.com/v1"}


@pytest.fixture
def vault(table: Table) -> KeyVault:
    return KeyVault(table, f"sovereign/{table.name}")


@pytest.fixture
def ring(table: Table) -> KeyRing:
    return KeyRing(f"sovereign/{table.name}")


@pytest.fixture
def moved(vault: KeyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose address was public when it was saved, and is not any more."""
    vault.change(ORG, lambda stored: with_key(stored, "openai", "sk-1", "id"))
    vault.change(ORG, lambda stored: with_config(stored, "openai", ADDRESS, "sk-2"))

    def to_a_private_address(host: str, *_: Any, **__: Any) -> list[Any]:
        assert host == "llm.example.com"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]

    class Names:
        SOCK_STREAM = socket.SOCK_STREAM
        getaddrinfo = staticmethod(to_a_private_address)

    monkeypatch.setattr(egress_transport, "socket", Names)


def test_what_runs_on_own_keys_is_told_by_service(table: Table, cipher: Cipher, vault: KeyVault, ring: KeyRing) -> None:
    vault.change(ORG, lambda stored: with_key(stored, "deepgram", "dg", "id-1"))
    vault.change(ORG, lambda stored: with_key(stored, "google_vertex", "{}", "id-2"))
    directory = TableDirectory(table, cipher, CallStore(table, cipher=cipher), ring)
    assistant = transient(
        {
            "stt_config": {"provider": "deepgram", "model": "nova-3", "language": "en"},
            # its key is in the slot of Vertex AI, not in one of the provider's own name
            "llm_config": {"provider": "google", "model": "gemini-2.5-flash"},
            "tts_config": {"provider": "local", "voice_id": "heart"},
        }
    )
    assert directory.byok(ORG, assistant) == {"stt", "llm"}
    assert directory.byok(OTHER_ORG, assistant) == frozenset()


@pytest.mark.usefixtures("moved")
async def test_call_does_not_reach_an_address_that_became_private(ring: KeyRing, tmp_path: Path) -> None:
    model = await Providers(ring, tmp_path).chat_model(OPENAI, ORG)
    with pytest.raises(ProviderError):
        async for _ in model.stream([ChatMessage("user", "hi")], []):
            pass
    await model.close()


@pytest.mark.usefixtures("moved")
def test_analysis_does_not_reach_an_address_that_became_private(ring: KeyRing) -> None:
    completion = Completions(ring, {}).open(CompletionChoice("openai", "gpt-5.4-mini"), ORG)
    with pytest.raises(CompletionError, match="could not be reached"):
        completion.complete([Prompt("user", "hi")])
