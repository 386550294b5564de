"""Makes the conversation of a call: its assistant's providers, its tools' webhooks, its organization's transfers."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from media.announcement import speak
from media.audio.vad import VoiceActivity
from media.calls.call_opener import CallOpener
from media.calls.credit_watch import ExtendCredits
from media.calls.mcp_tools import McpTools
from media.calls.poller import Poller
from media.calls.session import CallSession
from media.calls.setup import CallSetup, CommonServices, SessionServices
from media.calls.workflow import plan_workflow, with_node_providers
from media.conversation.ear import EndOfTurnPredictor
from media.conversation.figures import CallFigures
from media.conversation.opt_out import OptOut
from media.conversation.second_leg import DialSecondLeg
from media.conversation.tools import NO_WEBHOOK, offered_specs
from media.conversation.transfers import RouteTransfer
from media.conversation.workflow.graph import Graph
from media.conversation.workflow.providers import NodeSpeech
from media.directory import TableDirectory
from media.leg_layers import LegLayers, layers_of
from media.realtime.parts import RealtimeServices
from media.running_call import Conversation, Prepared, Session
from media.speech.fallback.opener import FallbackOpener
from media.speech.interfaces import ChatModel, ProviderError, Recogniser, Synthesiser, ToolCall, ToolSpec
from media.speech.registry import Providers
from media.telemetry import ReportCall
from media.telephony.leg import CallLeg
from media.telephony.transfer_route import TransferRoute
from sovereign.assistants import EffectiveAssistant
from sovereign.calls import CallStore
from sovereign.catalog.defaults import default_configs
from sovereign.catalog.fallbacks import Fallbacks
from sovereign.catalog.registry import TTS_CONFIGS
from sovereign.catalog.tools import McpTool, Tool, WebhookTool
from sovereign.kernel.signing import SigningSecret
from sovereign.recordings.storage import Recordings
from sovereign.webhooks.asker import WebhookAsker
from sovereign.webhooks.bodies import ToolCallRequest
from sovereign.webhooks.subscriptions import webhook_of
from sovereign.webhooks.targets import WebhookEvent, WebhookTarget, choose_target

__all__ = ["SessionFactory", "ToolWebhooks"]


class ToolWebhooks:
    """Runs the webhook tools of one call."""

    def __init__(self, asker: WebhookAsker, conversation: Conversation) -> None:
        self._asker = asker
        self._conversation = conversation
        assistant, identity = conversation.assistant, conversation.identity
        self._call = identity.describe(conversation.ref.call_id, "in-progress", assistant)

    async def tool_call(self, tool: WebhookTool, call: ToolCall) -> str:
        """Ask and return the text for the model; a failure is text too."""
        target = self._target(tool)
        if target is None:
            return NO_WEBHOOK
        return (await self._asker.tool_call(target, self._call, _request(call))).for_model()

    def start_tool_call(self, tool: WebhookTool, call: ToolCall) -> bool:
        """Send an asynchronous tool; nobody waits for it. False when it has no webhook to be sent to."""
        target = self._target(tool)
        if target is None:
            return False
        self._asker.start_tool_call(target, self._call, _request(call))
        return True

    def _target(self, tool: WebhookTool) -> WebhookTarget | None:
        own = None
        if tool.target:
            secret = tool.server.secret if tool.server else None
            own = WebhookTarget(tool.target, SigningSecret(secret) if secret else None)
        return choose_target(
            WebhookEvent.TOOL_CALLS,
            assistant=webhook_of(self._conversation.assistant),
            account=self._conversation.account_webhook,
            tool=own,
        )


@dataclass(frozen=True)
class PreparedSession:
    """A conversation whose providers are open; the session closes them, `discard` does when there is none."""

    setup: CallSetup
    services: CommonServices
    layers: LegLayers

    def start(self, leg: CallLeg) -> Session:
        """The session on its answered leg."""
        return CallSession(self.setup, self.layers.over(leg), self.services)

    @property
    def own_keys(self) -> frozenset[str]:
        """Which of `stt`, `llm`, `tts` run on the organization's own keys."""
        return frozenset(self.services.own_keys)

    async def discard(self) -> None:
        """Close what was opened: the call came to nothing. One that cannot be closed keeps none of the others open."""
        closing = [*self.services.closing()]
        if self.services.mcp_tools is not None:
            closing.append(self.services.mcp_tools.close())
        await asyncio.gather(*closing, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class SessionFactory:
    """What the conversations of a process share."""

    providers: Providers
    detector: VoiceActivity
    poller: Poller
    asker: WebhookAsker
    calls: CallStore
    directory: TableDirectory
    dial_second_leg: DialSecondLeg
    predictor: EndOfTurnPredictor | None = None
    report: ReportCall | None = None
    recordings: Recordings | None = None
    fallbacks: Fallbacks = field(default_factory=Fallbacks)

    async def prepare(self, conversation: Conversation) -> Prepared:
        """Open the providers while the phone still rings; the answer is then only a matter of the leg.

        Raises ProviderError, after one immediate retry where that may help.
        """
        try:
            return await self._prepare(conversation)
        except ProviderError as failed:
            if not failed.retryable:
                raise
        return await self._prepare(conversation)

    async def announce(self, leg: CallLeg, text: str, org_id: str, assistant: EffectiveAssistant | None) -> None:
        """Speak a text with the assistant's voice, or the deployment's where there is none."""
        config = assistant.tts if assistant else None
        if config is None:
            default = default_configs()["tts_config"]
            config = TTS_CONFIGS[default["provider"]].model_validate(default)
        voice, opener = config, FallbackOpener(CallOpener(self.providers, org_id), self.fallbacks, CallFigures())
        await speak(leg, text, lambda: opener.synthesiser(voice))

    async def _prepare(self, conversation: Conversation) -> Prepared:
        assistant, org_id = conversation.assistant, conversation.ref.org_id
        plan = plan_workflow(Graph(conversation.workflow), assistant) if conversation.workflow else None
        setup = CallSetup.from_assistant(conversation.ref, conversation.identity.direction, assistant, plan)
        if assistant.stt is None or assistant.tts is None:
            return await self._prepare_realtime(conversation, setup)
        uses = plan.begins_with if plan else NodeSpeech(assistant.llm, assistant.tts, assistant.stt)
        asker, layers = ToolWebhooks(self.asker, conversation), await layers_of(conversation, self.recordings)
        figures = CallFigures()
        keyed = CallOpener(self.providers, org_id)
        opener = FallbackOpener(keyed, self.fallbacks, figures)
        async with AsyncExitStack() as opened:  # a caller may hang up between one provider and the next
            mcp_tools = await self._mcp_tools(opened, org_id, setup.all_tools)
            recogniser = await opener.recogniser(uses.stt)
            model = await opener.chat_model(uses.llm)
            opened.push_async_callback(model.close)
            synthesiser = await opener.synthesiser(uses.tts)
            opened.push_async_callback(synthesiser.close)
            if mcp_tools is not None:
                await mcp_tools.ready()
            await self.providers.prepare_chat(uses.llm, *_read_first(setup))
            opened.pop_all()
        services = self._services(conversation, recogniser, model, synthesiser, asker)
        services = replace(services, figures=figures, mcp_tools=mcp_tools, own_keys=keyed.own_keys)
        if plan is not None:
            services = with_node_providers(services, plan, opener)
        return PreparedSession(setup, services, layers)

    async def _mcp_tools(self, opened: AsyncExitStack, org_id: str, tools: Sequence[Tool]) -> McpTools | None:
        """The call's MCP servers, being connected to while providers are opened; None when no tool names one."""
        wanted = [tool for tool in tools if isinstance(tool, McpTool)]
        if not wanted:
            return None
        names = {tool.mcp_server_id for tool in wanted}
        endpoints = await asyncio.to_thread(self.directory.mcp_endpoints, org_id, names)
        mcp_tools = McpTools(endpoints, wanted)
        opened.push_async_callback(mcp_tools.close)
        return mcp_tools

    async def _prepare_realtime(self, conversation: Conversation, setup: CallSetup) -> Prepared:
        """A model that hears and speaks by itself; it is connected to when the call is answered."""
        assistant, org_id = conversation.assistant, conversation.ref.org_id
        async with AsyncExitStack() as opened:
            mcp_tools = await self._mcp_tools(opened, org_id, setup.all_tools)
            layers = await layers_of(conversation, self.recordings)
            opener = CallOpener(self.providers, org_id)
            model, price = await opener.speech_model(assistant.llm)
            if mcp_tools is not None:
                await mcp_tools.ready()
            opened.pop_all()
        services = RealtimeServices(
            mcp_tools=mcp_tools,
            own_keys=opener.own_keys,
            model=model,
            price=price,
            detector=self.detector,
            poller=self.poller,
            asker=ToolWebhooks(self.asker, conversation),
            write_messages=self.calls.content.append_messages,
            route_transfer=self._route_transfer(conversation),
            dial_second_leg=self.dial_second_leg,
            mark_transferred=self.calls.lifecycle.mark_transferred,
            extend_credits=self._extend_credits(conversation),
            report=self.report,
            opt_out=self._opt_out(conversation),
        )
        return PreparedSession(setup, services, layers)

    def _route_transfer(self, conversation: Conversation) -> RouteTransfer:
        ref, line = conversation.ref, conversation.line

        async def route_transfer(destination: str) -> TransferRoute:
            return await asyncio.to_thread(self.directory.transfer_route, ref.org_id, line, destination)

        return route_transfer

    def _opt_out(self, conversation: Conversation) -> OptOut | None:
        """Who is called may ask never to be called again; who calls is not listed."""
        ref, identity = conversation.ref, conversation.identity
        if identity.direction != "outbound":
            return None

        async def forbid_calls() -> None:
            await asyncio.to_thread(self.directory.forbid_calls, ref.org_id, identity.customer, ref.call_id)

        return OptOut(forbid_calls)

    def _extend_credits(self, conversation: Conversation) -> ExtendCredits | None:
        ref = conversation.ref

        async def extend_credits(minutes: int) -> bool:
            return await asyncio.to_thread(self.directory.extend_credits, ref.org_id, ref.call_id, minutes)

        return extend_credits if conversation.metered else None

    def _services(
        self,
        conversation: Conversation,
        recogniser: Recogniser,
        model: ChatModel,
        synthesiser: Synthesiser,
        asker: ToolWebhooks,
    ) -> SessionServices:
        return SessionServices(
            recogniser=recogniser,
            model=model,
            synthesiser=synthesiser,
            detector=self.detector,
            poller=self.poller,
            asker=asker,
            write_messages=self.calls.content.append_messages,
            route_transfer=self._route_transfer(conversation),
            dial_second_leg=self.dial_second_leg,
            mark_transferred=self.calls.lifecycle.mark_transferred,
            extend_credits=self._extend_credits(conversation),
            predictor=self.predictor,
            report=self.report,
            opt_out=self._opt_out(conversation),
        )


def _read_first(setup: CallSetup) -> tuple[Sequence[str], Sequence[ToolSpec]]:
    """What the model meets first: the instructions and the tools of the assistant, or of the workflow's entry."""
    if setup.workflow is not None:
        return setup.workflow.read_first
    return [message.content for message in setup.conversation.prompt], offered_specs(setup.tools)


def _request(call: ToolCall) -> ToolCallRequest:
    return ToolCallRequest(call.id, call.name, call.arguments)
