"""Tool templates in an assistant: the tools they stand for are put in their place when a call starts."""

from collections.abc import Iterable, Mapping, Sequence

from sovereign.assistants.json_values import to_json
from sovereign.assistants.model import MAX_BYTES
from sovereign.assistants.sealed import token_bytes
from sovereign.assistants.view import EffectiveAssistant
from sovereign.catalog.tools import TemplateTool, Tool, tool_names
from sovereign.kernel.documents import SAVED_BYTES
from sovereign.kernel.observe import logger
from sovereign.kernel.references import resource_ref
from sovereign.kernel.table import Item, Ref, Table
from sovereign.tool_templates import KIND, ToolTemplateStore

_log = logger()
Templates = Mapping[str, Tool]
"""The tools templates stand for, by template id."""


def templates_in(found: Mapping[Ref, Item]) -> Templates:
    """The templates among items that were read."""
    items = (item for ref, item in found.items() if ref.sk.startswith(f"{KIND}#"))
    return {item["id"]: ToolTemplateStore.from_item(item).tool for item in items}


def with_templates_at_hand(table: Table, org_id: str, chosen: EffectiveAssistant) -> EffectiveAssistant:
    """`chosen` with its templates' tools (one request when it names any); what cannot be used is left out.

    A caller is waiting: a template that was changed so that it does not fit any more must not cost the call.
    """
    ids = {tool.template_id.lower() for tool in chosen.llm.tools if isinstance(tool, TemplateTool)}
    if not ids:
        return chosen
    found = table.get_many([resource_ref(org_id, KIND, template_id) for template_id in ids], consistent=True)
    resolved, problems = with_templates(chosen, templates_in(found))
    if problems:
        _log.warning("tool_templates_left_out", assistant_id=chosen.assistant_id, problems=problems)
    return resolved


def with_templates(chosen: EffectiveAssistant, templates: Templates) -> tuple[EffectiveAssistant, list[str]]:
    """`chosen` without template references, and one problem per template that could not take its place."""
    tools = chosen.llm.tools
    if not any(isinstance(tool, TemplateTool) for tool in tools):
        return chosen, []
    document = chosen.document()
    room = min(MAX_BYTES, SAVED_BYTES - token_bytes(document)) - len(to_json([document, chosen.echoed]).encode())
    placed, problems = place(tools, templates, room)
    settings = chosen.settings.model_copy(update={"llm_config": chosen.llm.model_copy(update={"tools": placed})})
    return chosen.model_copy(update={"settings": settings}), problems


def place(tools: Sequence[Tool], templates: Templates, room: int = MAX_BYTES) -> tuple[list[Tool], list[str]]:
    """The tools with each template replaced, within `room` more bytes; a tool's own name beats a template's."""
    placed: list[Tool] = []
    problems: list[str] = []
    names = _names(tool for tool in tools if not isinstance(tool, TemplateTool))
    for number, tool in enumerate(tools):
        if not isinstance(tool, TemplateTool):
            placed.append(tool)
            continue
        found = templates.get(tool.template_id.lower())
        size = len(to_json(found.model_dump(mode="json", by_alias=True)).encode()) if found else 0
        problem = _problem(found, names, size > room)
        if found is None or problem:
            problems.append(f"llm_config.tools[{number}].template_id: {problem}")
            continue
        placed.append(found)
        names |= _names([found])
        room -= size
    return placed, problems


def _problem(tool: Tool | None, names: set[str], is_too_large: bool) -> str | None:
    if tool is None:
        return "no such tool template"
    if taken := sorted(names & _names([tool])):
        return f"another tool is named {taken[0]} already"
    return f"makes the assistant larger than {MAX_BYTES} bytes as JSON" if is_too_large else None


def _names(tools: Iterable[Tool]) -> set[str]:
    return {name for tool in tools for name in tool_names(tool)}
