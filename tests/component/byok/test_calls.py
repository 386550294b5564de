"""Own keys in calls and analysis: what runs on them is told, and their address stays behind the egress guard."""

import socket
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from media.calls.call_opener import CallOpener
from media.calls.workflow import plan_workflow
from media.conversation.figures import CallFigures
from media.conversation.workflow.providers import NodeModels, NodeProviders, NodeVoices
from media.speech.fallback.opener import FallbackOpener
from media.speech.interfaces import BadKeyError, ChatMessage, ProviderError
from media.speech.registry import Providers
from sovereign.assistants import transient
from sovereign.byok import KeyVault, with_config, with_key
from sovereign.catalog.fallbacks import Fallbacks
from sovereign.catalog.llm import GoogleLlm, LocalLlm, OpenAiLlm
from sovereign.catalog.stt import DeepgramStt
from sovereign.catalog.tts import LocalTts
from sovereign.completion.interface import CompletionError, Prompt
from sovereign.completion.registry import CompletionChoice, Completions
from sovereign.kernel import name_lookups
from sovereign.kernel.table import Table
from sovereign.provider_keys import KeyRing
from sovereign.workflows.nodes import ConversationNode
from tests.component.assistants.fixtures import ORG
from tests.scenarios.conversation.test_workflow_graph import graph, talk, way

OPENAI = OpenAiLlm.model_validate({"provider": "openai", "model": "gpt-5.4"})
LOCAL = LocalLlm.model_validate({"provider": "local", "model": "intents"})
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

    monkeypatch.setattr(name_lookups, "socket", Names)


DEEPGRAM = DeepgramStt.model_validate({"provider": "deepgram", "model": "nova-3", "language": "en"})
# its key is in the slot of Vertex AI, not in one of the provider's own name
GEMINI = GoogleLlm.model_validate({"provider": "google", "model": "gemini-2.5-flash"})
HEART = LocalTts.model_validate({"provider": "local", "voice_id": "heart"})


class FakeProviders(Providers):
    """Opens anything; the keys are the ring's."""

    async def _open(self, section: Any, config: Any, org_id: str) -> Any:
        await self.context_for(config.provider, org_id, next(iter(config.secret_slots), None))
        return Mock(sample_rate=8000), None


@pytest.fixture
def opener(ring: KeyRing, tmp_path: Path) -> CallOpener:
    return CallOpener(FakeProviders(ring, tmp_path), ORG)


async def test_what_runs_on_own_keys_is_told_by_service(vault: KeyVault, ring: KeyRing, opener: CallOpener) -> None:
    vault.change(ORG, lambda stored: with_key(stored, "deepgram", "dg", "id-1"))
    vault.change(ORG, lambda stored: with_key(stored, "google_vertex", "{}", "id-2"))
    await opener.recogniser(DEEPGRAM)
    assert opener.own_keys == {"stt"}
    await opener.synthesiser(HEART)
    await opener.chat_model(GEMINI)
    assert opener.own_keys == {"stt", "llm"}


async def test_provider_that_does_not_open_was_not_used(vault: KeyVault, opener: CallOpener) -> None:
    vault.change(ORG, lambda stored: with_key(stored, "deepgram", "dg", "id-1"))
    with pytest.raises(BadKeyError):
        await opener.chat_model(GEMINI)
    assert opener.own_keys == set()


async def test_fallback_counts_from_when_it_is_needed(vault: KeyVault, opener: CallOpener) -> None:
    vault.change(ORG, lambda stored: with_key(stored, "openai", "sk", "id-1"))
    falling_back = FallbackOpener(opener, Fallbacks(llm=(OPENAI,)), CallFigures())
    await falling_back.chat_model(LOCAL)
    assert opener.own_keys == set()
    # the first has no key at all, so the call begins with its fallback
    await falling_back.chat_model(GEMINI)
    assert opener.own_keys == {"llm"}


async def test_node_that_brings_a_provider_with_an_own_key_counts_when_it_is_entered(
    vault: KeyVault, opener: CallOpener
) -> None:
    vault.change(ORG, lambda stored: with_key(stored, "openai", "sk", "id-1"))
    own = talk("b", llm_config={"provider": "openai", "model": "gpt-5.4"})
    base = {"stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"}}
    local = {"llm_config": {"provider": "local", "model": "intents"}, "tts_config": HEART.stored()}
    plan = plan_workflow(graph([talk("a"), own], [way("a", "b")]), transient(base | local))
    begins = plan.begins_with
    models, voices = NodeModels(begins.llm, Mock()), NodeVoices(begins.tts, Mock())
    changing = NodeProviders(plan.speech, opener, models, voices, begins.stt)
    changing.attach(Mock(), Mock(), CallFigures())
    assert opener.own_keys == set()
    node = plan.graph.node("b")
    assert isinstance(node, ConversationNode)
    await changing.use(node)
    assert opener.own_keys == {"llm"}


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
