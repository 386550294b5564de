"""Walks a workflow during a call: offers transitions to the model as functions, and runs the automatic nodes.

It stands where a call without a workflow has its `ToolBox`. A walk happens while the answer that asked for it "runs its
tools": the caller may speak meanwhile and is answered by the node the walk leads to.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from media.conversation.tools import ToolBox, ToolResult
from media.conversation.utterance import Utterance
from media.conversation.workflow.graph import Graph, Position, Transition
from media.speech.interfaces import ChatMessage, ToolCall, ToolSpec
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import McpTool, Tool, TransferDestination, WebhookTool, tool_names
from sovereign.kernel import ids
from sovereign.workflows.nodes import ConversationNode, EndNode, ToolNode, TransferNode

MOST_AUTOMATIC_NODES = 10
"""Tool nodes in one walk: a graph of tool nodes alone may lead in a circle."""
HAND_OFF_LINE = "One moment, please."
"""Spoken on a transition without a line of its own when nobody else is about to say anything."""


class NodeActions(Protocol):
    """What else nodes do."""

    async def transfer_to(self, destination: TransferDestination) -> str:
        """Hand the call over; returns what the model is told when that failed, else the call ends."""


Say = Callable[[str], Utterance]
"""Speak after what is being said."""
Instruct = Callable[[Sequence[ChatMessage]], None]
"""Say what the model is told from its next request on."""
UseProviders = Callable[[ConversationNode], Awaitable[None]]
"""Have a node's own model, voice and recogniser take over; never raises for what a provider does."""
MakeTools = Callable[[Sequence[Tool]], ToolBox]


@dataclass(frozen=True, kw_only=True)
class WalkerParts:
    """What a walker works with. `own_tools` are there in every node."""

    graph: Graph
    say: Say
    instruct: Instruct
    actions: NodeActions
    make_tools: MakeTools
    use_providers: UseProviders
    own_tools: Sequence[Tool] = ()
    assistant_tools: Sequence[Tool] = ()
    """Where tool nodes look for the tool they name, after the nodes' own."""


class Walker:
    """The tools of a call that follows a workflow: those of the node it is in, and the ways on from there."""

    def __init__(self, parts: WalkerParts) -> None:
        self._graph = parts.graph
        self._speak = parts.say
        self._instruct = parts.instruct
        self._actions = parts.actions
        self._make_tools = parts.make_tools
        self._use_providers = parts.use_providers
        self._own_tools = parts.own_tools
        self._known = _known_tools(parts)
        self._last_said: Utterance | None = None
        # a speech-to-speech model may call more while its calls run
        self._one_walk = asyncio.Lock()
        self._stand(parts.graph.start)

    @property
    def node(self) -> str:
        """The id of the conversation node the call is in."""
        return self._position.node.id

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The node's tools and the ways on."""
        ways = [ToolSpec(way.name, way.description) for way in self._ways.values()]
        return [*self._tools.specs, *ways]

    def filler(self, calls: Sequence[ToolCall]) -> str | None:
        """What is said while these calls run when the model said nothing: a neutral line where all else is silent."""
        for call in calls:
            if (way := self._ways.get(call.name)) is not None:
                target = self._graph.node(way.target)
                speaks = target.first_line is not None or way.message is not None or isinstance(target, EndNode)
                return None if speaks else HAND_OFF_LINE
        return self._tools.filler(calls)

    def leads_on(self, calls: Sequence[ToolCall]) -> bool:
        """Whether one of these calls is a way on."""
        return any(call.name in self._ways for call in calls)

    async def run(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Run the node's tools at once, then go the first way that was asked for; results are in the calls' order."""
        async with self._one_walk:
            return await self._run(calls)

    async def _run(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        ways = [call for call in calls if call.name in self._ways]
        results = {
            result.call.id: result for result in await self._tools.run([call for call in calls if call not in ways])
        }
        for place, call in enumerate(ways):
            if place or any(result.ends_call for result in results.values()):
                results[call.id] = ToolResult(call, _told(error="another way was taken"))
            else:
                results[call.id] = await self._go(call, self._ways[call.name])
        return [results[call.id] for call in calls]

    async def _go(self, call: ToolCall, way: Transition) -> ToolResult:
        self._say(way.message)
        node = self._graph.node(way.target)
        ran: list[Mapping[str, str]] = []
        while isinstance(node, ToolNode):
            if len(ran) == MOST_AUTOMATIC_NODES:
                return ToolResult(call, _told(error="the automatic steps came to no end; go on here", tools=ran))
            ran.append({"tool": node.tool_name, "result": await self._run_tool(node)})
            edge = self._graph.exit(node)
            self._say(edge.message)
            node = self._graph.node(edge.to)
        if isinstance(node, EndNode):
            if self._last_said is not None:
                await self._last_said.done.wait()  # ending the call silences what is still being said
            told = _told(result="the call ends", tools=ran)
            ending = EndReason.WORKFLOW_END
            return ToolResult(call, told, ends_call=True, end_reason=ending, goodbye=node.first_line or "")
        if isinstance(node, TransferNode):
            return ToolResult(call, await self._transfer(node, ran))
        return await self._enter(call, way, node, ran)

    async def _enter(
        self, call: ToolCall, way: Transition, node: ConversationNode, ran: Sequence[Mapping[str, str]]
    ) -> ToolResult:
        await self._use_providers(node)
        self._stand(self._graph.entered(self._position, way, node))
        self._say(node.first_line)
        # a first line opens the node in the model's place: then it is the caller's turn
        return ToolResult(
            call, _told(result=f"moved on to {node.id}", tools=ran), completes=node.first_line is not None
        )

    def _stand(self, position: Position) -> None:
        self._position = position
        node = position.node
        own = [tool for tool in self._own_tools if not set(tool_names(tool)) & _names(node.tools)]
        self._tools = self._make_tools([*node.tools, *own])
        taken = [spec.name for spec in self._tools.specs]
        self._ways = {way.name: way for way in self._graph.transitions(position, taken)}
        self._instruct([ChatMessage("system", self._graph.instructions(node))])

    async def _run_tool(self, node: ToolNode) -> str:
        """Run a tool node; a failure is a result like any other."""
        self._say(node.first_line)
        tools = self._make_tools([self._tool_of(node)])
        (result,) = await tools.run([ToolCall(ids.new_id(), node.tool_name, node.arguments or {})])
        return result.text

    def _tool_of(self, node: ToolNode) -> Tool:
        known = self._known.get(node.tool_name)
        if isinstance(known, McpTool) and node.url is None:
            return known
        webhook = known if isinstance(known, WebhookTool) else WebhookTool(name=node.tool_name, description="")
        # the arguments are the workflow author's, not a model's: the tool's schema need not hold for them alone
        return webhook.model_copy(update={"parameters": None} | ({"url": node.url} if node.url else {}))

    def _say(self, line: str | None) -> None:
        if line is not None:
            self._last_said = self._speak(line)

    async def _transfer(self, node: TransferNode, ran: Sequence[Mapping[str, str]]) -> str:
        """Hand the call over; when that fails the caller is still in the conversation node they came from."""
        destination = TransferDestination(
            type="number", number=node.destination, description=node.id, message=node.first_line
        )
        return _told(transfer=await self._actions.transfer_to(destination), tools=ran)


def _known_tools(parts: WalkerParts) -> dict[str, Tool]:
    """The tools a tool node may name; a node's own beats the assistant's of that name."""
    in_nodes = [tool for node in parts.graph.nodes if isinstance(node, ConversationNode) for tool in node.tools]
    remote = (tool for tool in [*parts.assistant_tools, *in_nodes] if isinstance(tool, WebhookTool | McpTool))
    return {name: tool for tool in remote for name in tool_names(tool)}


def _names(tools: Sequence[Tool]) -> set[str]:
    return {name for tool in tools for name in tool_names(tool)}


def _told(*, tools: Sequence[Mapping[str, str]] = (), **members: str) -> str:
    """What the model is told; the results of tool nodes on the way are part of it."""
    return json.dumps({**members, **({"ran": list(tools)} if tools else {})}, ensure_ascii=False)
