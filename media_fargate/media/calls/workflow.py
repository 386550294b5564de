"""How a call follows a workflow: what of its assistant stays, and which providers each node uses."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from media.conversation.tools import ToolBox, offered_specs
from media.conversation.utterance import Utterance
from media.conversation.workflow.graph import Graph
from media.conversation.workflow.providers import NodeModels, NodeProviders, NodeSpeech, NodeVoices
from media.conversation.workflow.walker import Instruct, NodeActions, UseProviders, Walker, WalkerParts
from media.speech.fallback.opener import Opener
from media.speech.interfaces import ProviderError, ToolSpec
from sovereign.assistants import EffectiveAssistant
from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.registry import LLM_CONFIGS, TTS_CONFIGS
from sovereign.catalog.tools import EndCallTool, Tool, tool_names
from sovereign.catalog.tts import TtsConfig
from sovereign.workflows.nodes import ConversationNode, NodeModel, ToolNode

if TYPE_CHECKING:
    from media.calls.setup import SessionServices

_NOT_CHANGEABLE = "its nodes bring models, voices or recognisers, which a speech-to-speech assistant cannot change"

logger = Logger(child=True)


@dataclass(frozen=True)
class WorkflowPlan:
    """A workflow as one call follows it. `own_tools` are offered in every node. `speech` is empty where one model hears
    and speaks by itself."""

    graph: Graph
    speech: Mapping[str, NodeSpeech]
    own_tools: tuple[Tool, ...] = ()
    assistant_tools: tuple[Tool, ...] = ()

    @property
    def tools(self) -> list[Tool]:
        """All tools of the nodes, and those of the assistant that tool nodes may name."""
        talks = (node for node in self.graph.nodes if isinstance(node, ConversationNode))
        named = {node.tool_name for node in self.graph.nodes if isinstance(node, ToolNode)}
        lent = [tool for tool in self.assistant_tools if named & set(tool_names(tool))]
        return [*(tool for node in talks for tool in node.tools), *lent]

    @property
    def start(self) -> ConversationNode:
        """The node the call begins in."""
        return self.graph.start.node

    @property
    def read_first(self) -> tuple[Sequence[str], Sequence[ToolSpec]]:
        """The entry node's instructions and what is offered there."""
        ways = [ToolSpec(way.name, way.description) for way in self.graph.transitions(self.graph.start)]
        specs = offered_specs([*self.start.tools, *self.own_tools])
        return [self.graph.instructions(self.start)], [*specs, *ways]

    @property
    def begins_with(self) -> NodeSpeech:
        """The providers the call begins with."""
        return self.speech[self.start.id]


def plan_workflow(graph: Graph, assistant: EffectiveAssistant) -> WorkflowPlan:
    """The plan for a call. Nodes without providers of their own use the entry node's, else the assistant's.

    Raises ProviderError when nodes bring what a speech-to-speech assistant cannot change.
    """
    nodes = [node for node in graph.nodes if isinstance(node, ConversationNode)]
    speech: dict[str, NodeSpeech] = {}
    if assistant.stt is not None and assistant.tts is not None:
        base = _of_node(graph.start.node, NodeSpeech(assistant.llm, assistant.tts, assistant.stt))
        speech = {node.id: _of_node(node, base) for node in nodes}
    elif any(node.llm_config or node.voice or node.tts_config or node.stt_config for node in nodes):
        raise ProviderError("workflow", _NOT_CHANGEABLE, retryable=False)
    ends_by_itself = assistant.settings.autonomous_silence_handling
    return WorkflowPlan(
        graph=graph,
        speech=speech,
        own_tools=(EndCallTool(type="end_call"),) if ends_by_itself else (),
        assistant_tools=tuple(assistant.llm.tools),
    )


def with_node_providers(services: "SessionServices", plan: WorkflowPlan, opener: Opener) -> "SessionServices":
    """The services of a call whose providers, opened for its first node, change with the nodes."""
    begins = plan.begins_with
    models, voices = NodeModels(begins.llm, services.model), NodeVoices(begins.tts, services.synthesiser)
    changing = NodeProviders(plan.speech, opener, models, voices, begins.stt)
    return replace(services, model=models, synthesiser=voices, node_providers=changing)


def _of_node(node: ConversationNode, base: NodeSpeech) -> NodeSpeech:
    llm = _model(node.llm_config, base.llm) if node.llm_config else base.llm
    tts = node.tts_config or (_voice(node, base.tts) if node.voice else base.tts)
    return NodeSpeech(llm, tts, node.stt_config or base.stt)


def _model(own: NodeModel, base: LlmConfig) -> LlmConfig:
    """The node's model; what else the assistant set stays where the provider is the same and the model takes it."""
    changes = own.model_dump(exclude_none=True)
    config = LLM_CONFIGS[own.provider]
    if own.provider == base.provider:
        with suppress(ValidationError):
            return config.model_validate(base.stored() | changes)
    return config.model_validate(changes)


def _voice(node: ConversationNode, base: TtsConfig) -> TtsConfig:
    """The assistant's synthesiser with the node's voice. Which voices it has was not known when the graph was saved."""
    try:
        return TTS_CONFIGS[base.provider].model_validate(base.stored() | {"voice_id": node.voice})
    except ValidationError:
        logger.warning("workflow_voice_unknown", node=node.id, provider=base.provider)
        return base


async def keep_providers(_: ConversationNode) -> None:
    """One model hears and speaks in every node."""


def follow(
    plan: WorkflowPlan,
    *,
    say: Callable[[str], Utterance],
    instruct: Instruct,
    actions: NodeActions,
    make_tools: Callable[[Sequence[Tool]], ToolBox],
    use_providers: UseProviders = keep_providers,
) -> Walker:
    """The tools of a call that follows the plan; the prompt is the first node's from now on."""
    return Walker(
        WalkerParts(
            graph=plan.graph,
            say=say,
            instruct=instruct,
            actions=actions,
            make_tools=make_tools,
            use_providers=use_providers,
            own_tools=plan.own_tools,
            assistant_tools=plan.assistant_tools,
        )
    )
