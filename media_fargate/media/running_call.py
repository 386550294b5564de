"""One call in the hands of this process: its leg, its row, its session, and the one place that ends all three."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from aws_lambda_powertools import Logger

from media.calls.commands import CommandRefusedError
from media.calls.journal import Batch
from media.control.orders import OrderRefusedError
from media.end_of_call import FINISH_PAUSES_SECONDS, EndOfCall, endless
from media.leg_watch import LegGoneError
from media.routes import CallDirectory, Line
from media.scale_in import unprotected
from media.speech.interfaces import ProviderError, ToolsUnavailableError
from media.telephony.addresses import TrunkRoute
from media.telephony.baresip_leg import LegRefusedError
from media.telephony.leg import NOT_ENCRYPTED, CallLeg, LegClosedBy
from sovereign.assistants import EffectiveAssistant
from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.calls.store import CallStore
from sovereign.kernel.ids import Direction
from sovereign.webhooks.bodies import CallDescription
from sovereign.webhooks.targets import WebhookSettings, WebhookTarget
from sovereign.workflows import Definition

__all__ = ["Asker", "CallServices", "Conversation", "Identity", "Prepared", "RunningCall", "Session"]

P = ParamSpec("P")
T = TypeVar("T")

HANG_UP_SECONDS, DISCARD_SECONDS = 8.0, 3.0
"""The SIP stack itself gives up on a command after five."""

logger = Logger(child=True)


class Asker(Protocol):
    """What is used of `sovereign.webhooks.asker.WebhookAsker`."""

    async def assistant_request(self, target: WebhookTarget, call: CallDescription) -> Mapping[str, Any]:
        """Ask who takes the call. Raises WebhookFailedError."""


class Session(Protocol):
    """A conversation on an answered leg (`media.calls.session.CallSession`)."""

    @property
    def unwritten(self) -> Sequence[Batch]:
        """What the table did not take of the transcript before `run` returned."""

    async def run(self) -> CallOutcome:
        """Until the call is over; never raises for what a caller, a provider or a webhook does."""

    async def command(self, command: Mapping[str, Any]) -> None:
        """Change the running call. Raises CommandRefusedError, LegRefusedError, ValueError."""

    def stop(self, reason: EndReason) -> None:
        """End it soon, with an apology."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who speaks with whom. Numbers are E.164; `customer` is the person's."""

    direction: Direction
    number_id: str | None = None
    number: str | None = field(default=None, repr=False)
    number_name: str | None = None
    customer: str | None = field(default=None, repr=False)

    def describe(self, call_id: str, status: str, assistant: EffectiveAssistant | None) -> CallDescription:
        """The call as webhooks show it."""
        return CallDescription(
            call_id=call_id,
            direction=self.direction,
            status=status,
            pipeline=assistant.pipeline if assistant else "standard",
            number_id=self.number_id,
            phone_number=self.number,
            number_name=self.number_name,
            customer_number=self.customer,
            assistant=assistant.public_view() if assistant else None,
        )


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What a session is made of beside its leg. `metered`: its minutes are paid for as it runs."""

    ref: CallRef
    identity: Identity
    assistant: EffectiveAssistant
    workflow: Definition | None = None
    account_webhook: WebhookSettings | None = None
    metered: bool = False
    line: Line = field(default_factory=Line)


class Prepared(Protocol):
    """A conversation ready to begin."""

    @property
    def own_keys(self) -> frozenset[str]:
        """Which of `stt`, `llm`, `tts` run on the organization's own keys."""

    def start(self, leg: CallLeg) -> Session:
        """Its session, on the answered leg."""

    async def discard(self) -> None:
        """Give back what was opened: there will be no session."""


@dataclass(frozen=True, kw_only=True)
class CallServices:
    """What every call of this process uses."""

    node_id: str
    calls: CallStore
    directory: CallDirectory
    asker: Asker
    prepare: Callable[[Conversation], Awaitable[Prepared]]
    """Open what a conversation needs before its leg is answered. Raises ProviderError."""
    announce: Callable[[CallLeg, str, str, EffectiveAssistant | None], Awaitable[None]]
    """Speak a text to an answered leg (leg, text, org_id, whose voice) and return when it was heard, at most 10 s."""
    dial: Callable[[TrunkRoute, str, str], Awaitable[CallLeg]]
    executor: Executor
    protect: Callable[[], Awaitable[object]] = unprotected
    """Awaited before a call is answered or dialled, so that what carries it is not stopped; takes seconds at most."""
    behind_edge: bool = False
    ring_timeout_seconds: float = 30.0

    async def blocking(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what blocks on the executor; not interrupted once begun, so that no write is half forgotten."""
        work = asyncio.get_running_loop().run_in_executor(self.executor, partial(function, *args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            raise


class RunningCall:
    """State and ending common to inbound and outbound calls. `ref` is None until the row is known to be ours.

    `find_row` (it blocks) tells it afterwards when the answer to the write that made it ours may have been lost.
    """

    def __init__(self, services: CallServices, call_id: str) -> None:
        self.services = services
        self.call_id = call_id
        self.leg: CallLeg | None = None
        self.ref: CallRef | None = None
        self.find_row: Callable[[], CallRef | None] | None = None
        self.answered = False
        self._session: Session | None = None
        self._prepared: Prepared | None = None
        self._stop_reason: EndReason | None = None
        self._unwritten: list[Batch] = []

    async def command(self, command: Mapping[str, Any]) -> None:
        """Change the running call. Raises OrderRefusedError."""
        if self._session is None:
            raise OrderRefusedError("call_not_in_progress", "Call is not in progress")
        try:
            await self._session.command(command)
        except CommandRefusedError as refused:
            raise OrderRefusedError(refused.code, refused.message) from None
        except LegRefusedError:
            raise OrderRefusedError("call_not_in_progress", "Call is not in progress") from None
        except ValueError as problem:
            raise OrderRefusedError("invalid_request", str(problem)) from None

    async def stop(self, reason: EndReason) -> None:
        """End the call whatever it is doing: a conversation with an apology, anything else at once."""
        self._stop_reason = reason
        if self._session:
            self._session.stop(reason)
        elif self.leg:
            await self.leg.hang_up()

    async def prepare(self, conversation: Conversation) -> None:
        """Open what the conversation needs. Raises ProviderError."""
        self._prepared = await self.services.prepare(conversation)

    async def converse(self, conversation: Conversation) -> CallOutcome:
        """From the answer to the end of a prepared conversation."""
        leg, services = self._known_leg(), self.services
        self.answered = True
        if self._prepared is None:
            raise RuntimeError("the conversation was not prepared")
        own_keys = self._prepared.own_keys
        if not await services.blocking(services.calls.lifecycle.mark_answered, conversation.ref, byok=own_keys):
            # the reaper was faster: there is no call any more that anybody could speak in
            return CallOutcome(end_reason=EndReason.NODE_LOST)
        if self._stop_reason:  # told to end in the very moment of the answer
            return CallOutcome(end_reason=self._stop_reason)
        self._session, self._prepared = self._prepared.start(leg), None
        try:
            return await self._session.run()
        finally:
            self._unwritten = list(self._session.unwritten)
            self._session = None

    def outcome_when_gone(self, gone: LegGoneError, otherwise: EndReason) -> CallOutcome:
        """The outcome of a call whose leg closed outside a conversation."""
        if self._stop_reason:
            return CallOutcome(end_reason=self._stop_reason)
        if gone.closed.detail == NOT_ENCRYPTED:
            return CallOutcome(end_reason=EndReason.MEDIA_LOST, error=NOT_ENCRYPTED)
        if gone.closed.by is LegClosedBy.MEDIA_LOST:
            return CallOutcome(end_reason=EndReason.MEDIA_LOST)
        return CallOutcome(end_reason=EndReason.USER_HANGUP if self.answered else otherwise)

    @staticmethod
    def outcome_without_provider(failed: ProviderError) -> CallOutcome:
        """The outcome of a call whose assistant cannot speak or act; the provider's message holds no secret."""
        unavailable = isinstance(failed, ToolsUnavailableError)
        reason = EndReason.MCP_UNAVAILABLE if unavailable else EndReason.PROVIDER_ERROR
        return CallOutcome(end_reason=reason, error=str(failed))

    @property
    def stop_reason(self) -> EndReason | None:
        """Why the call was told to end, None when it was not."""
        return self._stop_reason

    async def end(self, outcome: CallOutcome) -> None:
        """Hang up and write the end. The row is terminal afterwards whatever happened before."""
        if self.leg:
            await self._bounded("leg", self.let_go(self.leg), HANG_UP_SECONDS)
        if self._prepared:
            await self._bounded("providers", self._prepared.discard(), DISCARD_SECONDS)
        ref = self.ref or await self._found_row()
        if ref is not None:
            await EndOfCall(self.services.calls, self.services.blocking, ref, self._unwritten).write(outcome)

    async def let_go(self, leg: CallLeg) -> None:
        """End the leg, in whatever state it is."""
        await leg.hang_up()

    async def _bounded(self, part: str, closing: Coroutine[Any, Any, None], seconds: float) -> None:
        """Nothing that fails or hangs while closing may keep the row open."""
        try:
            async with asyncio.timeout(seconds):
                await closing
        except Exception as failure:  # noqa: BLE001 - as said
            logger.warning("part_not_closed", call_id=self.call_id, part=part, error=type(failure).__name__)

    async def _found_row(self) -> CallRef | None:
        """The row that may be ours although we were not told, asked for until the table answers."""
        for pause in endless(FINISH_PAUSES_SECONDS):
            if self.find_row is None:
                break
            try:
                return await self.services.blocking(self.find_row)
            except Exception:
                logger.exception("row_not_looked_up", call_id=self.call_id, retry_seconds=pause)
                await asyncio.sleep(pause)
        return None

    def _known_leg(self) -> CallLeg:
        if self.leg is None:
            raise RuntimeError("a call without a leg cannot be answered")
        return self.leg
