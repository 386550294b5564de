"""Templates in an assistant: refused when they cannot be, and tools of their own when a call starts."""

import json
from typing import Any

import pytest

from sovereign.assistants import AssistantChanges, AssistantStore, EffectiveAssistant, transient
from sovereign.assistants.model import KIND as ASSISTANT
from sovereign.assistants.settings import AssistantSettings
from sovereign.catalog.tools import EndCallTool, TransferCallTool, WebhookTool
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Table, Update
from sovereign.tool_templates import KIND as TOOL_TEMPLATE
from sovereign.tool_templates import ToolTemplateStore
from tests.component.assistants.fixtures import ORG, OTHER_ORG, UNKNOWN_ID, Requests

OWN = {"name": "own", "description": "Its own tool"}


@pytest.fixture
def templates(table: Table) -> ToolTemplateStore:
    return ToolTemplateStore(table)


@pytest.fixture
def assistants(table: Table, cipher: Cipher) -> AssistantStore:
    return AssistantStore(table, cipher)


def function(templates: ToolTemplateStore, name: str = "book", org_id: str = ORG, **config: Any) -> str:
    given = {"name": name, "description": "Books", "tool_type": "function", "tool_config": config}
    return templates.create(org_id, given).id


def llm(*tools: Any) -> dict[str, Any]:
    named = [{"type": "template", "template_id": tool} if isinstance(tool, str) else tool for tool in tools]
    return {"provider": "local", "model": "intents", "tools": named}


def settings(*tools: Any) -> AssistantSettings:
    return AssistantSettings.model_validate({"name": "Desk", "llm_config": llm(*tools)})


def on_the_fly(*tools: Any) -> EffectiveAssistant:
    speech = {
        "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
        "tts_config": {"provider": "local", "voice_id": "heart"},
    }
    return transient({"llm_config": llm(*tools), **speech})


def test_each_kind_becomes_its_tool_in_its_place(assistants: AssistantStore, templates: ToolTemplateStore) -> None:
    destination = {"type": "number", "number": "+31850835037", "description": "the desk"}
    book = function(templates, url="https://example.com/book", **{"async": True})
    bye = templates.create(ORG, {"name": "Bye", "tool_type": "end_call", "tool_config": {}}).id
    desk = templates.create(
        ORG, {"name": "Desk", "tool_type": "transfer_call", "tool_config": {"destinations": [destination]}}
    ).id
    ready = assistants.ready(assistants.create(ORG, settings(bye, OWN, book, desk)).assistant)
    hang_up, own, booking, transfer = ready.tools
    assert isinstance(hang_up, EndCallTool)
    assert isinstance(own, WebhookTool)
    assert isinstance(booking, WebhookTool)
    assert (booking.name, booking.description, booking.is_async) == ("book", "Books", True)
    assert booking.target == "https://example.com/book"
    assert isinstance(transfer, TransferCallTool)
    assert transfer.destinations[0].number == "+31850835037"


def test_own_name_and_description_beat_the_templates(assistants: AssistantStore, templates: ToolTemplateStore) -> None:
    made = assistants.create(ORG, settings(function(templates, name="reserve", description="Other")))
    assert made.assistant.document["llm_config"]["tools"][0]["type"] == "template"
    given = {"name": "T", "tool_type": "function", "tool_config": {"name": "reserve", "description": "Reserves"}}
    tool = templates.create(ORG, given).tool
    assert isinstance(tool, WebhookTool)
    assert (tool.name, tool.description) == ("reserve", "Reserves")


def test_frozen_assistant_has_the_tool_of_the_moment(
    assistants: AssistantStore, templates: ToolTemplateStore, cipher: Cipher
) -> None:
    book = function(templates, url="https://example.com/old")
    made = assistants.create(ORG, settings(book)).assistant
    frozen = assistants.ready(made).freeze(cipher, org_id=ORG, call_id="call-inbound-1")
    templates.update(ORG, book, {"tool_config": {"url": "https://example.com/new"}})
    thawed = EffectiveAssistant.thaw(frozen, cipher, org_id=ORG, call_id="call-inbound-1")
    targets = [tool.target for tool in (*thawed.tools, *assistants.ready(made).tools) if isinstance(tool, WebhookTool)]
    assert targets == ["https://example.com/old", "https://example.com/new"]


def test_template_and_assistant_of_a_newer_version_cost_no_call(
    assistants: AssistantStore, templates: ToolTemplateStore, table: Table
) -> None:
    book = function(templates, url="https://example.com/book")
    made = assistants.create(ORG, settings(book)).assistant
    known = assistants.ready(made)
    for ref, at in (
        (resource_ref(ORG, TOOL_TEMPLATE, book), "tool_config"),
        (resource_ref(ORG, ASSISTANT, made.id), "llm_config"),
    ):
        item = table.get(ref)
        assert item is not None
        document = json.loads(item["document"])
        document |= {"newer": 1, at: document[at] | {"newer": {"of": "all"}}}
        table.update(Update(ref, set={"document": json.dumps(document)}))
    assert assistants.ready(assistants.get(ORG, made.id)) == known
    assert [tool.target for tool in known.tools if isinstance(tool, WebhookTool)] == ["https://example.com/book"]


def test_template_of_nobody_or_another_organization_is_refused(
    assistants: AssistantStore, templates: ToolTemplateStore
) -> None:
    foreign = function(templates, org_id=OTHER_ORG)
    for template_id in (UNKNOWN_ID, foreign):
        with pytest.raises(InvalidRequestError) as refused:
            assistants.create(ORG, settings(OWN, template_id))
        assert refused.value.details == ["llm_config.tools[1].template_id: no such tool template"]
        with pytest.raises(InvalidRequestError) as refused:
            assistants.resolve(ORG, on_the_fly(template_id))
        assert refused.value.details == ["llm_config.tools[0].template_id: no such tool template"]


def test_tools_of_one_name_are_refused_when_saved(assistants: AssistantStore, templates: ToolTemplateStore) -> None:
    own, book, again = function(templates, "own"), function(templates), function(templates)
    problems = []
    for tools in ([own, OWN], [book, again]):
        with pytest.raises(InvalidRequestError) as refused:
            assistants.create(ORG, settings(*tools))
        problems += refused.value.details
    made = assistants.create(ORG, settings(OWN)).assistant
    with pytest.raises(InvalidRequestError) as refused:
        assistants.update(ORG, made.id, AssistantChanges.model_validate({"llm_config": llm(OWN, own)}))
    assert [*problems, *refused.value.details] == [
        "llm_config.tools[0].template_id: another tool is named own already",
        "llm_config.tools[1].template_id: another tool is named book already",
        "llm_config.tools[1].template_id: another tool is named own already",
    ]


def test_later_clash_leaves_the_template_out_of_inbound_calls_and_refuses_outbound_ones(
    assistants: AssistantStore, templates: ToolTemplateStore
) -> None:
    book = function(templates)
    made = assistants.create(ORG, settings(OWN, book)).assistant
    templates.update(ORG, book, {"name": "own"})
    ready = assistants.ready(made)
    assert [tool.description for tool in ready.tools if isinstance(tool, WebhookTool)] == ["Its own tool"]
    with pytest.raises(InvalidRequestError) as refused:
        assistants.resolve(ORG, assistants.effective(made))
    assert refused.value.details == ["llm_config.tools[1].template_id: another tool is named own already"]


def test_templates_that_make_an_assistant_too_large_are_named(
    assistants: AssistantStore, templates: ToolTemplateStore
) -> None:
    large = {"type": "object", "description": "x" * 32_000}
    many = [function(templates, f"tool_{number}", parameters=large) for number in range(12)]
    chosen = on_the_fly(*many)
    with pytest.raises(InvalidRequestError) as refused:
        assistants.resolve(ORG, chosen)
    assert refused.value.details == [
        f"llm_config.tools[{place}].template_id: makes the assistant larger than 358400 bytes as JSON"
        for place in (11,)
    ]


def test_webhook_answer_may_name_templates(assistants: AssistantStore, templates: ToolTemplateStore) -> None:
    base = assistants.ready(assistants.create(ORG, settings(OWN)).assistant)
    chosen = assistants.answered(ORG, base, {"assistant_override": {"llm_config": llm(function(templates))}})
    assert isinstance(chosen, EffectiveAssistant)
    assert [tool.name for tool in chosen.tools if isinstance(tool, WebhookTool)] == ["book"]


def test_assistant_without_templates_costs_no_request(assistants: AssistantStore, requests_made: Requests) -> None:
    made = assistants.create(ORG, settings(OWN)).assistant
    requests_made.clear()
    assistants.ready(made)
    assert requests_made == []
