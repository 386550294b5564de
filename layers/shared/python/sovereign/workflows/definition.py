"""A workflow's definition as a whole, validated with every problem named at once."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError

from sovereign.catalog.base import ProviderConfig, Strict
from sovereign.catalog.tools import McpTool, TemplateTool
from sovereign.kernel.references import Reference
from sovereign.workflows.graph import Problem, graph_problems
from sovereign.workflows.nodes import AnyNode, ConversationNode, Edge, NodeId, NodeModel


class Definition(Strict):
    """Version 1 of the contract. `global_prompt` comes before the instructions of every conversation node."""

    version: Literal[1]
    entry_node: NodeId
    global_prompt: Annotated[str, Field(max_length=20_000)] | None = None
    nodes: Annotated[list[AnyNode], Field(min_length=1)]
    edges: list[Edge] = Field(default_factory=list)

    def stored(self) -> dict[str, Any]:
        """As JSON values, members that were not sent left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def references(self) -> list[Reference]:
        """Other resources of the organization that the nodes' tools name."""
        return [
            reference
            for place, node in enumerate(self.nodes)
            if isinstance(node, ConversationNode)
            for number, tool in enumerate(node.tools)
            if (reference := _reference(tool, f"definition.nodes[{place}].tools[{number}]"))
        ]

    @property
    def warnings(self) -> list[str]:
        """What was accepted but has no effect, one line per member."""
        return [
            f"definition.nodes[{place}].{name}.{member}: has no effect on a node"
            for place, node in enumerate(self.nodes)
            for name in ("llm_config", "stt_config", "tts_config")
            if isinstance(config := getattr(node, name, None), NodeModel | ProviderConfig)
            for member in config.ignored
        ]


def _reference(tool: Any, path: str) -> Reference | None:
    if isinstance(tool, McpTool):
        return Reference("MCP_SERVER", tool.mcp_server_id.lower(), f"{path}.mcp_server_id")
    if isinstance(tool, TemplateTool):
        return Reference("TOOL_TEMPLATE", tool.template_id.lower(), f"{path}.template_id")
    return None


def _read(value: Any, build: ValidatorFunctionWrapHandler) -> Definition:
    if isinstance(value, Definition):
        return value
    problems = graph_problems(value)
    try:
        definition: Definition = build(value)
    except ValidationError as failure:
        raise _failure(failure, problems) from None
    if problems:
        raise _failure(None, problems)
    return definition


def _failure(members: ValidationError | None, problems: Sequence[Problem]) -> ValidationError:
    """Both kinds of problems as one validation error, whose locations the caller's path goes before."""
    lines = [] if members is None else members.errors(include_url=False, include_input=False, include_context=False)
    errors = [_line(line["type"], line["msg"], line["loc"]) for line in lines]
    errors += [_line("workflow_graph", message, location) for location, message in problems]
    return ValidationError.from_exception_data("Definition", errors)


def _line(kind: str, message: str, location: tuple[str | int, ...]) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError(kind, "{problem}", {"problem": message.removeprefix("Value error, ")}),
        loc=location,
        input=None,
    )


AnyDefinition = Annotated[Definition, WrapValidator(_read)]
"""A field that takes a definition and names everything that is wrong with it."""
