"""A workflow as a call runs it: frozen when the call starts, its tool templates in their place."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sovereign.assistants.templates import place, templates_in
from sovereign.calls import keys
from sovereign.catalog.tools import TemplateTool, Tool
from sovereign.kernel.documents import FROZEN_BYTES, to_json
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.observe import logger
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Put, Table
from sovereign.tool_templates import KIND as TOOL_TEMPLATE
from sovereign.workflows.definition import Definition
from sovereign.workflows.model import Workflow
from sovereign.workflows.nodes import ConversationNode
from sovereign.workflows.sealed import Owner, SealedDefinition, seal
from sovereign.workflows.store import WorkflowStore

_log = logger()


@dataclass(frozen=True)
class RunnableWorkflow:
    """A call's workflow. `definition` holds secrets in the clear: never log or return it."""

    id: str
    name: str
    definition: Definition = field(repr=False)

    def freeze(self, cipher: Cipher, *, org_id: str, call_id: str) -> Put:
        """The write that keeps what the call runs with, its secrets encrypted for this call."""
        owner = Owner(org_id, f"{self.id}/call/{call_id}")
        sealed: SealedDefinition = seal(self.definition.stored(), cipher, owner, limit=FROZEN_BYTES)
        document: dict[str, Any] = {
            "workflow_id": self.id,
            "name": self.name,
            "definition": sealed.document,
            "secrets": dict(sealed.tokens),
        }
        return Put({"pk": keys.own_key(org_id, call_id), "sk": keys.FROZEN_WORKFLOW, "document": to_json(document)})


def runnable(table: Table, cipher: Cipher, workflow: Workflow) -> RunnableWorkflow | None:
    """The workflow with its templates' tools (one request when it names any); what cannot be used is left out.

    A caller is waiting: what was changed so that it does not fit any more must not cost the call. None: the rules for
    definitions have become stricter since it was saved.
    """
    try:
        definition = WorkflowStore(table, cipher).unsealed(workflow)
    except ValidationError:
        _log.error("workflow_unusable", workflow_id=workflow.id)
        return None
    return RunnableWorkflow(workflow.id, workflow.name, _with_templates(table, workflow, definition))


def _with_templates(table: Table, workflow: Workflow, definition: Definition) -> Definition:
    talks = [node for node in definition.nodes if isinstance(node, ConversationNode)]
    ids = {tool.template_id.lower() for node in talks for tool in node.tools if isinstance(tool, TemplateTool)}
    if not ids:
        return definition
    refs = [resource_ref(workflow.org_id, TOOL_TEMPLATE, template_id) for template_id in ids]
    templates = templates_in(table.get_many(refs, consistent=True))

    def placed(node: ConversationNode) -> ConversationNode:
        tools: list[Tool]
        tools, problems = place(node.tools, templates)
        if problems:
            _log.warning("tool_templates_left_out", workflow_id=workflow.id, node=node.id, problems=problems)
        return node.model_copy(update={"tools": tools})

    nodes = [placed(node) if isinstance(node, ConversationNode) else node for node in definition.nodes]
    return definition.model_copy(update={"nodes": nodes})
