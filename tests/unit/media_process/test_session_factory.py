"""What the providers of a call are given before its leg is answered."""

from collections.abc import Sequence
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from media.running_call import Conversation, Identity
from media.session_factory import PreparedSession, SessionFactory
from media.speech.interfaces import ProviderError, ToolSpec, ToolsUnavailableError
from sovereign.assistants import transient
from sovereign.calls.model import CallRef
from sovereign.workflows import Definition, WorkflowSettings
from tests.unit.media_process.scripted import assistant


class OpenProviders:
    """Opens anything; keeps what the chat model was prepared with."""

    def __init__(self) -> None:
        self.prepared: list[tuple[Sequence[str], Sequence[ToolSpec]]] = []

    async def recogniser(self, config: Any, org_id: str) -> object:
        return Mock()

    chat_model = synthesiser = recogniser

    async def runs_on_own_key(self, config: Any, org_id: str) -> bool:
        return config.provider == "local"

    async def prepare_chat(self, config: Any, instructions: Sequence[str], tools: Sequence[ToolSpec]) -> None:
        self.prepared.append((instructions, tools))


async def test_chat_model_reads_the_instructions_and_tools_it_will_be_offered() -> None:
    providers = OpenProviders()
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "directory", "dial_second_leg"), cast(Any, Mock()))
    factory = SessionFactory(providers=cast(Any, providers), **parts)
    parameters = {"type": "object", "properties": {"date": {"type": "string"}}}
    config = {
        "provider": "local",
        "model": "intents",
        "messages": [{"role": "system", "content": "You work for Riverside Dental."}],
        "tools": [
            {"name": "book", "description": "Book an appointment.", "parameters": parameters},
            {"type": "end_call"},
            {"type": "template", "template_id": "99999999-9999-4999-8999-999999999999"},
        ],
    }
    chosen = assistant(llm_config=config)
    prepared = await factory.prepare(
        Conversation(ref=CallRef("org", "call", 1), identity=Identity(direction="inbound"), assistant=chosen)
    )
    [(instructions, tools)] = providers.prepared
    assert prepared.own_keys == {"stt", "llm", "tts"}
    assert instructions == ["You work for Riverside Dental."]
    assert tools[0] == ToolSpec("book", "Book an appointment.", parameters)
    assert [tool.name for tool in tools] == ["book", "end_call"]


class Opened:
    """A provider that tells when it was closed."""

    closed = False

    async def close(self) -> None:
        self.closed = True


async def test_provider_opened_before_another_failed_is_closed() -> None:
    model, providers = Opened(), Mock(runs_on_own_key=AsyncMock(return_value=False))
    providers.recogniser = AsyncMock()
    providers.chat_model = AsyncMock(return_value=model)
    providers.synthesiser = AsyncMock(side_effect=ProviderError("local", "no voice", retryable=False))
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "directory", "dial_second_leg"), cast(Any, Mock()))
    conversation = Conversation(
        ref=CallRef("org", "call", 1), identity=Identity(direction="inbound"), assistant=assistant()
    )
    with pytest.raises(ProviderError, match="no voice"):
        await SessionFactory(providers=providers, **parts).prepare(conversation)
    assert model.closed


def definition(**members: Any) -> Definition:
    node = {"id": "desk", "type": "conversation", "instructions": "Be the desk.", "first_line": "Desk.", **members}
    given = {"version": 1, "entry_node": "desk", "global_prompt": "Be brief.", "nodes": [node]}
    return WorkflowSettings.model_validate({"name": "w", "definition": given}).definition


async def test_call_that_follows_a_workflow_begins_with_its_entry_node() -> None:
    providers = OpenProviders()
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "directory", "dial_second_leg"), cast(Any, Mock()))
    tool = {"name": "book", "description": "Book an appointment."}
    conversation = Conversation(
        ref=CallRef("org", "call", 1),
        identity=Identity(direction="inbound"),
        assistant=assistant(first_message="Hello."),
        workflow=definition(tools=[tool]),
    )
    prepared = await SessionFactory(providers=cast(Any, providers), **parts).prepare(conversation)
    assert isinstance(prepared, PreparedSession)
    assert prepared.setup.conversation.first_message == "Desk."
    [(instructions, tools)] = providers.prepared
    assert instructions == ["Be brief.\n\nBe the desk."]
    assert [spec.name for spec in tools] == ["book"]


REALTIME = {"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0"}


async def test_realtime_assistant_is_refused_nodes_with_providers_before_anything_is_opened() -> None:
    providers = Mock()
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "directory", "dial_second_leg"), cast(Any, Mock()))
    conversation = Conversation(
        ref=CallRef("org", "call", 1),
        identity=Identity(direction="inbound"),
        assistant=transient({"llm_config": REALTIME}),
        workflow=definition(voice="marin"),
    )
    with pytest.raises(ProviderError, match="bring models, voices or recognisers"):
        await SessionFactory(providers=providers, **parts).prepare(conversation)
    assert not providers.mock_calls


async def test_realtime_assistant_follows_a_workflow_whose_nodes_bring_none() -> None:
    providers = Mock(speech_model=AsyncMock(return_value=(Mock(), None)), runs_on_own_key=AsyncMock(return_value=True))
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "dial_second_leg"), cast(Any, Mock()))
    server = "99999999-9999-4999-8999-999999999999"
    directory = Mock(mcp_endpoints=Mock(return_value=[]))
    tool = {"type": "mcp", "mcp_server_id": server, "allowed_tools": ["book"], "required": False}
    conversation = Conversation(
        ref=CallRef("org", "call", 1),
        identity=Identity(direction="inbound"),
        assistant=transient({"llm_config": REALTIME, "first_message": "Hello."}),
        workflow=definition(tools=[tool]),
    )
    prepared = await SessionFactory(providers=providers, directory=directory, **parts).prepare(conversation)
    assert isinstance(prepared, PreparedSession)
    assert prepared.setup.conversation.first_message == "Desk."
    assert prepared.setup.workflow is not None
    assert prepared.own_keys == {"llm"}
    # the nodes' own servers are connected to, as the assistant's are
    directory.mcp_endpoints.assert_called_once_with("org", {server})
    await prepared.discard()


async def test_required_server_that_is_gone_fails_the_call_and_closes_what_was_opened() -> None:
    model, voice, providers = Opened(), Opened(), Mock(runs_on_own_key=AsyncMock(return_value=False))
    providers.recogniser = AsyncMock()
    providers.chat_model = AsyncMock(return_value=model)
    providers.synthesiser = AsyncMock(return_value=voice)
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "dial_second_leg"), cast(Any, Mock()))
    directory = Mock(mcp_endpoints=Mock(return_value=[]))
    server = "99999999-9999-4999-8999-999999999999"
    tool = {"type": "mcp", "mcp_server_id": server, "allowed_tools": ["book"]}
    conversation = Conversation(
        ref=CallRef("org", "call", 1),
        identity=Identity(direction="inbound"),
        assistant=assistant(llm_config={"provider": "local", "model": "intents", "tools": [tool]}),
    )
    with pytest.raises(ToolsUnavailableError, match=server):
        await SessionFactory(providers=providers, directory=cast(Any, directory), **parts).prepare(conversation)
    directory.mcp_endpoints.assert_called_once_with("org", {server})
    assert model.closed
    assert voice.closed


async def test_provider_that_cannot_be_closed_keeps_none_of_the_others_open() -> None:
    model, voice, mcp_tools = Mock(), Opened(), Opened()
    model.close = AsyncMock(side_effect=ConnectionError)
    services = Mock(closing=lambda: (model.close(), voice.close()), mcp_tools=mcp_tools)
    await PreparedSession(cast(Any, Mock()), services, cast(Any, Mock())).discard()
    assert voice.closed
    assert mcp_tools.closed


async def test_who_is_called_may_opt_out_of_a_realtime_call() -> None:
    providers = Mock(speech_model=AsyncMock(return_value=(Mock(), None)), runs_on_own_key=AsyncMock(return_value=True))
    parts = dict.fromkeys(("detector", "poller", "asker", "calls", "directory", "dial_second_leg"), cast(Any, Mock()))
    for direction, offered in (("outbound", True), ("inbound", False)):
        conversation = Conversation(
            ref=CallRef("org", "call", 1),
            identity=Identity(direction=cast(Any, direction)),
            assistant=transient({"llm_config": REALTIME}),
        )
        prepared = await SessionFactory(providers=providers, **parts).prepare(conversation)
        assert isinstance(prepared, PreparedSession)
        assert (prepared.services.opt_out is not None) is offered
