"""The nodes and edges of a workflow: their members, and the rules that hold for one of them alone."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from sovereign.assistants.json_values import check_size
from sovereign.catalog.base import Strict, by_provider
from sovereign.catalog.registry import LLM_CONFIGS, AnyStt, AnyTts
from sovereign.catalog.tool_forms import Tools
from sovereign.catalog.tools import ToolName, Url
from sovereign.kernel.phone import E164, region_of

REALTIME_REFUSED = "realtime_provider_not_allowed_per_node"
"""The detail of a node that names a speech-to-speech model: those cannot be changed in the middle of a call."""

UI_BYTES = 2 * 1024
ARGUMENTS_BYTES = 8 * 1024
_MODEL_MEMBERS = frozenset({"provider", "model", "temperature"})


def _check_diallable(number: str) -> str:
    """Refuse kinds of numbers that are never dialled; which countries may be is checked again before each dial."""
    from sovereign.destinations import check_destination  # noqa: PLC0415 - only for transfer nodes
    from sovereign.kernel.errors import DomainError  # noqa: PLC0415

    region = region_of(number)
    try:
        return check_destination(number, {region} if region else set())
    except DomainError as refused:
        raise ValueError(refused.message or refused.title) from None


def _bounded(limit: int) -> AfterValidator:
    return AfterValidator(lambda value: check_size(value, limit))


def _at(place: str, kind: str, message: str) -> ValidationError:
    error = InitErrorDetails(
        type=PydanticCustomError(kind, "{problem}", {"problem": message}), loc=(place,), input=None
    )
    return ValidationError.from_exception_data("Node", [error])


NodeId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Line = Annotated[str, Field(min_length=1, max_length=1000)]


class NodeModel(Strict):
    """The text model of one node. Everything else the assistant's `llm_config` could name stays the assistant's."""

    provider: str
    model: str
    temperature: float | None = None
    _ignored: tuple[str, ...] = PrivateAttr(default=())

    @property
    def ignored(self) -> tuple[str, ...]:
        """Members that were sent and have no effect on a node."""
        return self._ignored


def _read_model(value: Any, _build: ValidatorFunctionWrapHandler) -> NodeModel:
    if isinstance(value, NodeModel):
        return value
    name = value.get("provider") if isinstance(value, Mapping) else None
    if isinstance(name, str) and name in LLM_CONFIGS and LLM_CONFIGS[name].kind == "realtime":
        raise _at("provider", REALTIME_REFUSED, REALTIME_REFUSED)
    by_provider(LLM_CONFIGS)(value)
    model = NodeModel.model_validate({member: value[member] for member in value if member in _MODEL_MEMBERS})
    model._ignored = tuple(sorted(set(value) - _MODEL_MEMBERS))
    return model


class _Node(Strict):
    id: NodeId
    first_line: Line | None = None
    ui: Annotated[dict[str, Any], _bounded(UI_BYTES)] | None = None


class ConversationNode(_Node):
    """The model talks, with instructions of the node's own. A global node is reachable from every other one."""

    type: Literal["conversation"]
    instructions: Annotated[str, Field(min_length=1)]
    is_global: Annotated[bool, Field(alias="global")] = False
    global_description: Line | None = None
    llm_config: Annotated[NodeModel, WrapValidator(_read_model)] | None = None
    voice: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    tts_config: AnyTts | None = None
    stt_config: AnyStt | None = None
    tools: Tools = Field(default_factory=list)


class ToolNode(_Node):
    """The platform calls a tool by itself and goes on; `first_line` is spoken while it runs."""

    type: Literal["tool"]
    tool_name: ToolName
    url: Url | None = None
    arguments: Annotated[dict[str, Any], _bounded(ARGUMENTS_BYTES)] | None = None


class TransferNode(_Node):
    """The call is transferred; nothing follows."""

    type: Literal["transfer"]
    destination: Annotated[E164, AfterValidator(_check_diallable)]


class EndNode(_Node):
    """The call ends."""

    type: Literal["end"]


Node = ConversationNode | ToolNode | TransferNode | EndNode
NODES: Mapping[str, type[ConversationNode | ToolNode | TransferNode | EndNode]] = {
    "conversation": ConversationNode,
    "tool": ToolNode,
    "transfer": TransferNode,
    "end": EndNode,
}


def _read_node(value: Any, _union: ValidatorFunctionWrapHandler) -> Node:
    if isinstance(value, _Node):
        return value  # type: ignore[return-value]  # only nodes reach this field as instances
    if not isinstance(value, Mapping):
        raise PydanticCustomError("object_type", "must be an object")
    kind = value.get("type")
    if kind is None:
        raise _at("type", "missing", "required")
    if not isinstance(kind, str) or kind not in NODES:
        raise _at("type", "unknown_node", f"must be one of {', '.join(NODES)}")
    return NODES[kind].model_validate(value)


# the union describes the field in OpenAPI; on the way in `type` alone decides, so that paths carry no tag
AnyNode = Annotated[Annotated[Node, Field(discriminator="type")], WrapValidator(_read_node)]


class Edge(Strict):
    """A transition. The model chooses by `description`; a tool node's only edge needs none."""

    start: Annotated[str, Field(alias="from")]
    to: str
    description: Line | None = None
    message: Line | None = None
