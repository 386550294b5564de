"""A workflow as a call gets it: with a number, frozen, templates in their place."""

import json
from typing import Any

import pytest

from media.directory import TableDirectory
from media.routes import InboundRefusal, InboundRoute
from sovereign.assistants import AssistantSettings, AssistantStore, EffectiveAssistant
from sovereign.calls import CallStore
from sovereign.calls.model import NewCall
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.table import Put, Ref, Table, Update
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.organizations import organization_ref
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from sovereign.tool_templates import ToolTemplateStore
from sovereign.workflows import Workflow, WorkflowChanges, WorkflowSettings, WorkflowStore
from sovereign.workflows.nodes import ConversationNode
from sovereign.workflows.running import RunnableWorkflow, runnable
from sovereign.workflows.sealed import Owner, SealedDefinition, unseal
from tests.component.assistants.fixtures import ORG
from tests.unit.workflows.definitions import reception

PHONE = "+31850835037"
SOURCE = "8.8.8.8"
SECRET = "whsec_0123456789abcdef"


class World:
    def __init__(self, table: Table, cipher: Cipher) -> None:
        self.table, self.cipher = table, cipher
        self.workflows = WorkflowStore(table, cipher)
        self.calls = CallStore(table, cipher=cipher)
        self.directory = TableDirectory(table, cipher, self.calls)
        trunk = {"name": "T", "provider": "p", "address": "sip.example.com", "inbound_addresses": [SOURCE]}
        TrunkStore(table, cipher).create(ORG, TrunkSettings.model_validate(trunk), None)

    def workflow(self, definition: dict[str, Any] | None = None, **members: Any) -> Workflow:
        given = {"name": "Reception", "definition": definition or reception(), **members}
        return self.workflows.create(ORG, WorkflowSettings.model_validate(given)).workflow

    def agent(self, **members: Any) -> str:
        settings = AssistantSettings.model_validate({"name": "A", **members})
        return AssistantStore(self.table, self.cipher).create(ORG, settings).assistant.id

    def number(self, **members: Any) -> None:
        NumberStore(self.table).create(ORG, NumberSettings(phone_number=PHONE, **members))

    def route(self) -> InboundRoute | InboundRefusal:
        return self.directory.inbound_route(PHONE, SOURCE)


@pytest.fixture
def world(table: Table, cipher: Cipher) -> World:
    return World(table, cipher)


def taken(world: World) -> InboundRoute:
    route = world.route()
    assert isinstance(route, InboundRoute)
    return route


def followed(world: World) -> RunnableWorkflow:
    workflow = taken(world).workflow
    assert workflow is not None
    return workflow


def entry(workflow: RunnableWorkflow) -> ConversationNode:
    node = workflow.definition.nodes[0]
    assert isinstance(node, ConversationNode)
    return node


def test_an_active_workflow_is_followed_with_the_numbers_assistant(world: World) -> None:
    workflow, agent = world.workflow(), world.agent()
    world.number(workflow_id=workflow.id, agent_id=agent)
    route = taken(world)
    assert route.assistant is not None
    assert route.assistant.assistant_id == agent
    assert followed(world).id == workflow.id


def test_an_inactive_workflow_leaves_the_call_to_the_assistant(world: World) -> None:
    world.number(workflow_id=world.workflow(is_active=False).id, agent_id=world.agent())
    assert taken(world).workflow is None


def test_an_inactive_workflow_alone_takes_no_call(world: World) -> None:
    world.number(workflow_id=world.workflow(is_active=False).id)
    refused = world.route()
    assert isinstance(refused, InboundRefusal)
    assert refused.code == 480


def test_a_workflow_without_an_assistant_speaks_with_the_deployments_providers(world: World) -> None:
    world.number(workflow_id=world.workflow().id)
    route = taken(world)
    assert route.workflow is not None
    assert route.assistant is not None
    assert (route.assistant.assistant_id, route.assistant.llm.provider) == (None, "local")


def test_a_change_is_followed_by_the_next_call_only(world: World) -> None:
    workflow = world.workflow()
    world.number(workflow_id=workflow.id)
    before = followed(world)
    changed = reception()
    changed["nodes"][0]["instructions"] = "Be another."
    world.workflows.update(ORG, workflow.id, WorkflowChanges.model_validate({"definition": changed}))
    assert entry(before).instructions == "Find out what the caller wants."
    assert entry(followed(world)).instructions == "Be another."


def test_a_calls_workflow_is_kept_with_its_secrets_encrypted_for_that_call(world: World) -> None:
    workflow = world.workflow()
    world.number(workflow_id=workflow.id)
    write = world.directory.freeze_workflow(followed(world), ORG, "call-inbound-x")
    new = NewCall(org_id=ORG, call_id="call-inbound-x", direction="inbound", ringing=True)
    call = world.calls.starts.create(new, extra_writes=[write])
    ref = Ref(f"ORG#{ORG}#CALL#call-inbound-x", "WORKFLOW")
    item = world.table.get(ref)
    assert item is not None
    kept = json.loads(item["document"])
    assert (kept["workflow_id"], kept["name"]) == (workflow.id, "Reception")
    assert SECRET not in str(item)
    sealed = SealedDefinition(kept["definition"], kept["secrets"])
    opened = unseal(sealed, world.cipher, Owner(ORG, f"{workflow.id}/call/call-inbound-x"))
    assert opened["nodes"][0]["tools"][0]["server"]["secret"] == SECRET
    world.calls.erasure.erase_metadata(call.ref)
    assert world.table.get(ref) is None


def test_a_nodes_tool_template_is_put_in_its_place(world: World) -> None:
    given = {"name": "book", "description": "Books", "tool_type": "function", "tool_config": {}}
    template = ToolTemplateStore(world.table).create(ORG, given).id
    definition = reception()
    definition["nodes"][0]["tools"].append({"type": "template", "template_id": template})
    world.number(workflow_id=world.workflow(definition).id)
    assert [getattr(tool, "name", "") for tool in entry(followed(world)).tools] == ["look_up", "book"]


def test_a_template_that_fits_no_more_costs_no_call(world: World) -> None:
    templates = ToolTemplateStore(world.table)
    given = {"name": "book", "description": "Books", "tool_type": "function", "tool_config": {}}
    template = templates.create(ORG, given).id
    definition = reception()
    definition["nodes"][0]["tools"].append({"type": "template", "template_id": template})
    world.number(workflow_id=world.workflow(definition).id)
    templates.update(ORG, template, {"tool_config": {"name": "look_up"}})
    assert [getattr(tool, "name", "") for tool in entry(followed(world)).tools] == ["look_up"]


def test_a_stored_definition_that_is_refused_by_now_leaves_the_call_to_the_assistant(world: World) -> None:
    workflow = world.workflow()
    ref = Ref(f"ORG#{ORG}", f"WORKFLOW#{workflow.id}")
    item = world.table.get(ref)
    assert item is not None
    world.table.put(Put(dict(item) | {"definition": item["definition"].replace("conversation", "monologue")}))
    assert runnable(world.table, world.cipher, world.workflows.get(ORG, workflow.id)) is None


def test_the_account_webhook_defines_a_call_to_a_number_with_nobody_else(world: World) -> None:
    refused = organization_of(world, None)
    assert isinstance(refused, InboundRefusal)
    route = organization_of(world, "https://example.com/hook")
    assert isinstance(route, InboundRoute)
    assert (route.assistant, route.workflow) == (None, None)
    assert route.account_webhook is not None
    speech = {
        "llm_config": {"provider": "local", "model": "intents"},
        "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
        "tts_config": {"provider": "local", "voice_id": "heart"},
    }
    answer = {"assistant": {**speech, "first_message": "Hi."}, "crm_id": 7}
    whole = world.directory.answered(ORG, None, answer)
    assert isinstance(whole, EffectiveAssistant)
    assert (whole.greeting("inbound"), whole.echoed) == ("Hi.", {"crm_id": 7})
    agent = world.agent(first_message="Good day.", max_duration_seconds=60)
    changed = world.directory.answered(
        ORG, None, {"assistant_id": agent, "assistant_override": {"first_message": "Hi again."}}
    )
    assert isinstance(changed, EffectiveAssistant)
    assert (changed.greeting("inbound"), changed.max_duration_seconds) == ("Hi again.", 60)
    assert world.directory.answered(ORG, None, {}) is None


def organization_of(world: World, url: str | None) -> InboundRoute | InboundRefusal:
    """The route of a call to a number without anything, once the account has this webhook."""
    if not NumberStore(world.table).list(ORG):
        world.number()
    world.table.update(Update(organization_ref(ORG), set={"webhook_url": url}))
    return world.route()
