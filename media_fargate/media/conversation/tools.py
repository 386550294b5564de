"""The tools a call's model may use: what it is offered, the check of its arguments, and running them."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aws_lambda_powertools import Logger

from media.speech.interfaces import ToolCall, ToolSpec
from sovereign.calls.model import EndReason
from sovereign.catalog.schema_validation import UnusableSchemaError, schema_problems
from sovereign.catalog.tools import (
    DtmfTool,
    EndCallTool,
    McpTool,
    Tool,
    TransferCallTool,
    TransferDestination,
    WebhookTool,
)

TOOL_TIMEOUT_SECONDS = 12.0
"""Above the webhook's own limit of 10 s: reached only when that one fails."""
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}
_MOST_PROBLEMS = 5
NO_WEBHOOK = '{"error": "The tool has no webhook that takes tool calls."}'
_STARTED = '{"result": "started; its outcome will not be reported"}'

logger = Logger(child=True)


class ToolAsker(Protocol):
    """Runs the customer's webhook tools for one call."""

    async def tool_call(self, tool: WebhookTool, call: ToolCall) -> str:
        """Ask and return the text for the model; a failure is text too (the model is told)."""

    def start_tool_call(self, tool: WebhookTool, call: ToolCall) -> bool:
        """Send an asynchronous tool; nobody waits for it. False when it has no webhook to be sent to."""


class CallActions(Protocol):
    """What a tool can do to the call itself. Both return the text the model is told."""

    async def transfer_to(self, destination: TransferDestination) -> str:
        """Announce, then hand the call over; returns only when that failed, else the call ends."""

    async def send_digits(self, digits: str) -> str:
        """Send key tones to the other side."""


class RemoteTool(Protocol):
    """A tool of a server the call is connected to."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told of it."""

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """Run it, bounded; the text for the model, a failure is text too."""


class RemoteTools(Protocol):
    """The servers a call is connected to."""

    def tools_of(self, tool: McpTool) -> Sequence[RemoteTool]:
        """What is offered of the server this entry names."""


@dataclass(frozen=True)
class ToolResult:
    """What a tool call came to.

    `ends_call`: the call is to end, for `end_reason`, with `goodbye` (None: the assistant's own) as its last words.
    `completes`: the answer is complete, the model is not asked again. `said_by_line`: so it is when the tool's own line
    was spoken for it, and nothing else was called.
    """

    call: ToolCall
    text: str
    ends_call: bool = False
    end_reason: EndReason = EndReason.ASSISTANT_HANGUP
    goodbye: str | None = None
    completes: bool = False
    said_by_line: bool = False


def leaves_nothing_to_say(results: Sequence[ToolResult], *, line_spoken: bool) -> bool:
    """Whether the answer that made these calls is complete; `line_spoken`: a line of theirs was said for it."""
    by_line = line_spoken and len(results) == 1 and results[0].said_by_line
    return by_line or any(result.completes for result in results)


class ReplyTools(Protocol):
    """What an answer may use: the tools of a call, or of the workflow's node it is in."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """What the model is offered, asked before each of its requests."""

    def filler(self, calls: Sequence[ToolCall]) -> str | None:
        """What is said while these calls run, when the model said nothing."""

    def leads_on(self, calls: Sequence[ToolCall]) -> bool:
        """Whether one of these calls takes the conversation to another node of its workflow."""

    async def run(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Run all calls; the results are in their order."""


class ToolBox:
    """The tools of one call. Several calls of one answer run at once; ending the call comes last by itself."""

    def __init__(
        self, tools: Sequence[Tool], asker: ToolAsker, actions: CallActions, remote: RemoteTools | None = None
    ) -> None:
        self._asker = asker
        self._actions = actions
        self._tools: dict[str, Tool] = {_name(tool): tool for tool in tools if _is_offered(tool)}
        found = [one for tool in tools if isinstance(tool, McpTool) and remote for one in remote.tools_of(tool)]
        self._remote = {one.spec.name: one for one in found}
        specs = [*offered_specs(self._tools.values()), *(one.spec for one in self._remote.values())]
        self.specs: Sequence[ToolSpec] = specs
        self._parameters = {spec.name: spec.parameters for spec in self.specs}

    def leads_on(self, calls: Sequence[ToolCall]) -> bool:  # noqa: ARG002 - the interface's
        """Without a workflow there is nowhere to go."""
        return False

    def filler(self, calls: Sequence[ToolCall]) -> str | None:
        """What is said while these calls run: the first `message` of their webhook tools."""
        for call in calls:
            tool = self._tools.get(call.name)
            if isinstance(tool, WebhookTool) and tool.message and not self._problems(call):
                return tool.message
        return None

    async def run(self, calls: Sequence[ToolCall]) -> list[ToolResult]:
        """Run all calls at once; the results are in the order of the calls."""
        return list(await asyncio.gather(*(self._run_one(call) for call in calls)))

    async def _run_one(self, call: ToolCall) -> ToolResult:
        tool = self._tools.get(call.name) or self._remote.get(call.name)
        if tool is None:
            return ToolResult(call, _error(f"there is no tool named {call.name}"))
        if problems := self._problems(call):
            return ToolResult(call, _error("invalid arguments: " + "; ".join(problems)))
        if isinstance(tool, EndCallTool):
            return ToolResult(call, _success("the call ends"), ends_call=True)
        try:
            text = await self._result(tool, call)
            # of what runs on unheard there is nothing more to tell than its line
            return ToolResult(call, text, said_by_line=text == _STARTED)
        except TimeoutError:
            return ToolResult(call, _error("the tool did not answer in time"))
        except Exception as failure:  # a defect of one tool must not cost the caller the call
            logger.exception("tool_failed", tool=call.name, exception_name=type(failure).__name__)
            return ToolResult(call, _error("the tool failed"))

    async def _result(self, tool: "Tool | RemoteTool", call: ToolCall) -> str:
        if (remote := self._remote.get(call.name)) is tool:
            return await remote.call(call.arguments)
        if isinstance(tool, TransferCallTool):
            return await self._actions.transfer_to(tool.destinations[int(call.arguments.get("destination", 1)) - 1])
        if isinstance(tool, DtmfTool):
            return await self._actions.send_digits(str(call.arguments["digits"]))
        assert isinstance(tool, WebhookTool)  # noqa: S101 - the other kinds are never offered
        if tool.is_async:
            return _STARTED if self._asker.start_tool_call(tool, call) else NO_WEBHOOK
        async with asyncio.timeout(TOOL_TIMEOUT_SECONDS):
            return await self._asker.tool_call(tool, call)

    def _problems(self, call: ToolCall) -> list[str]:
        parameters = self._parameters.get(call.name)
        if parameters is None:
            return []
        try:
            return schema_problems(parameters, dict(call.arguments))[:_MOST_PROBLEMS]
        except UnusableSchemaError as failure:
            return [f"they cannot be checked: the tool's schema {failure}"]


def offered_specs(tools: Iterable[Tool]) -> list[ToolSpec]:
    """What a model is told of these tools, those it is not offered left out."""
    return [_spec(_name(tool), tool) for tool in tools if _is_offered(tool)]


def _is_offered(tool: Tool) -> bool:
    # templates are put in their places before a call starts; what of an MCP server is offered, the server tells
    return isinstance(tool, EndCallTool | TransferCallTool | DtmfTool | WebhookTool)


def _name(tool: Tool) -> str:
    if isinstance(tool, WebhookTool):
        return tool.name
    return str(getattr(tool, "type", ""))


def _spec(name: str, tool: Tool) -> ToolSpec:
    if isinstance(tool, WebhookTool):
        return ToolSpec(name, tool.description, tool.parameters or _NO_PARAMETERS)
    if isinstance(tool, TransferCallTool):
        return ToolSpec(name, _transfer_description(tool), _transfer_parameters(tool))
    if isinstance(tool, DtmfTool):
        return ToolSpec(name, "Press keys on the telephone keypad, for example in a menu.", _DTMF_PARAMETERS)
    return ToolSpec(name, "End the call when the conversation is over, after saying goodbye.", _NO_PARAMETERS)


_DTMF_PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"digits": {"type": "string", "pattern": "^[0-9*#A-D]{1,32}$", "description": "The keys, in order"}},
    "required": ["digits"],
}


def _transfer_description(tool: TransferCallTool) -> str:
    places = [f"{place}: {destination.description}" for place, destination in enumerate(tool.destinations, 1)]
    return "Transfer the caller to a person or department. Destinations: " + "; ".join(places)


def _transfer_parameters(tool: TransferCallTool) -> Mapping[str, Any]:
    places = list(range(1, len(tool.destinations) + 1))
    place = {"type": "integer", "enum": places, "description": "The destination's place in the list"}
    # with one destination there is nothing to choose
    return {"type": "object", "properties": {"destination": place}, "required": ["destination"] if places[1:] else []}


def _error(text: str) -> str:
    return json.dumps({"error": text}, ensure_ascii=False)


def _success(text: str) -> str:
    return json.dumps({"result": text}, ensure_ascii=False)
