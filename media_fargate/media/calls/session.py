"""One call from its answer to its end: `CallSession` owns it and is the one place that ends it."""

import asyncio
import traceback
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from media.calls.bridge import Bridge, tell_transferred
from media.calls.commands import CommandRefusedError, execute
from media.calls.credit_watch import CreditWatch
from media.calls.journal import Batch, Journal
from media.calls.parts import CallConversation, CallParts, ConversationUsage
from media.calls.setup import CallFrame, CallSetup, CommonServices
from media.conversation.closing import Ending
from media.conversation.figures import add_usage, latency_report
from media.conversation.history import History
from media.recording.recorded_leg import record_once_allowed
from media.speech.interfaces import ProviderUsage
from media.telemetry import EndedCall
from media.telephony.leg import CallLeg, LegClosed, LegHeld, LegResumed
from media.telephony.leg_layer import LegLayer, bare
from sovereign.calls.model import CallOutcome, EndReason

CLEANUP_SECONDS = 5.0
"""Longest wait for a provider or the leg to let go."""
_LONGEST_ERROR = 1000

logger = Logger(child=True)


class _CallOver(Exception):  # noqa: N818 - control flow: it ends the task group
    """The call has ended."""


class CallSession:
    """Runs one answered call. `run` returns its outcome, whatever happens; `outcome` keeps it also when `run` is
    cancelled. `unwritten` is what the table did not take of the transcript in time."""

    def __init__(self, setup: CallSetup, leg: CallLeg, services: CommonServices) -> None:
        self._setup = setup
        self._leg = leg
        self._services = services
        self._figures = services.figures
        self._parts: CallParts | None = None
        self._ended: asyncio.Future[Ending] | None = None
        self._leg_gone = self._held = False
        self._bridge: Bridge | None = None
        self._stopped = False
        self._credits: CreditWatch | None = None
        self.outcome: CallOutcome | None = None
        self.unwritten: Sequence[Batch] = ()

    # orders from outside

    async def command(self, command: Mapping[str, Any]) -> None:
        """Do what a control command says. Raises CommandRefusedError(code, message) when it cannot be done."""
        parts = self._running()
        if parts is None or parts.conversation.closing:
            raise CommandRefusedError("not_in_progress", "the call is not in progress")
        if refusal := parts.refusal(command):
            raise CommandRefusedError("unsupported_by_realtime_model", refusal)
        await execute(command, parts.conversation, parts.transfers, parts.tasks)

    def stop(self, reason: EndReason = EndReason.SHUTDOWN) -> None:
        """End the call with an apology, a bridge without; returns at once. Before `run` it does nothing."""
        self._stopped = True
        if self._bridge is not None:
            self._bridge.end()
        elif parts := self._running():
            parts.conversation.close(Ending(reason), self._setup.conversation.apology)

    def _running(self) -> CallParts | None:
        return self._parts if self._ended is not None and not self._ended.done() else None

    # the call

    async def run(self) -> CallOutcome:
        """Hold the conversation. Called once, on an answered leg; the leg is hung up when it returns."""
        journal = Journal(self._setup.ref, self._services.write_messages)
        history = History(self._setup.conversation.prompt, journal.add)
        loop = asyncio.get_running_loop()
        self._ended, answered_at = loop.create_future(), loop.time()
        if self._services.extend_credits is not None:
            self._credits = CreditWatch(self._setup.ref.call_id, self._services.extend_credits)
        try:
            await self._converse(self._ended, history)
        finally:
            # a cancelled task has no ending of its own
            self._end(Ending(EndReason.SHUTDOWN))
            await self._bridge_or_release(self._ended.result(), history, journal)
            if self.outcome is not None and self._services.report is not None:
                self._services.report(EndedCall(self._setup.ref, self.outcome, self._figures, answered_at))
        if self.outcome is None:
            raise RuntimeError("a call has ended without an outcome")
        return self.outcome

    async def _bridge_or_release(self, ending: Ending, history: History, journal: Journal) -> None:
        """What comes after the conversation: the caller's call with the second leg, if there is one, and the end."""
        transfers = self._parts.transfers if self._parts else None
        second = transfers.second_leg if transfers else None
        if not transfers or not second or ending.reason is not EndReason.TRANSFERRED or self._leg_gone:
            ended_at = self._services.clock()  # what follows is not the caller's to pay
            await self._release(history, journal, [leg.hang_up() for leg in (self._leg, second) if leg])
            self.outcome = self._make_outcome(ending, ended_at)
            return
        self._bridge = bridge = Bridge(bare(self._leg), second, self._services.poller)
        bridge.start()
        if self._stopped:  # told so when the conversation was over and the bridge not made yet
            bridge.end()
        # the assistant is gone from here on; its last figures are taken with it
        released = asyncio.create_task(self._release(history, journal, []))
        told = asyncio.create_task(
            tell_transferred(self._setup.ref, transfers.record or {}, self._services.mark_transferred)
        )
        watching = [asyncio.create_task(self._credits.run(bridge.warn, bridge.end))] if self._credits else []
        try:
            await bridge.run()
        finally:
            ended_at = self._services.clock()
            for task in (told, *watching):
                task.cancel()
            await asyncio.wait([released, told, *watching])
            await self._bounded(self._leg.hang_up())  # the leg is gone, but not yet what lay over it
            self.outcome = self._make_outcome(ending, ended_at)

    async def _converse(self, ended: "asyncio.Future[Ending]", history: History) -> None:
        timer = asyncio.get_running_loop().call_later(self._setup.max_duration_seconds, self._time_is_up)
        try:
            async with asyncio.TaskGroup() as tasks:
                parts = self._parts = self._services.assemble(self._frame(tasks, history))
                recording = record_once_allowed(self._leg, parts.clearance.recording)
                for part in (*parts.work(), self._forward_leg_events(parts), recording):
                    tasks.create_task(part)
                if self._credits is not None:
                    tasks.create_task(self._watch_credits(parts.conversation, self._credits))
                self._services.poller.add(self)
                tasks.create_task(_raise_when_over(ended))
        except* _CallOver:
            pass
        except* Exception as failures:  # noqa: BLE001 - a defect ends this call in order, and is logged
            self._log_defects(failures)
            self._end(Ending(EndReason.PROVIDER_ERROR, "internal error"))
        finally:
            self._services.poller.remove(self)
            timer.cancel()

    async def _watch_credits(self, conversation: CallConversation, credit_watch: CreditWatch) -> None:
        def warn() -> None:
            if not conversation.closing:
                conversation.say(self._setup.conversation.credits_warning, interruptible=False)

        def end() -> None:
            # not `close`: a goodbye that was begun would go on into a minute nobody paid for
            conversation.cut(Ending(EndReason.CREDITS_EXHAUSTED))

        await credit_watch.run(warn, end)

    def _frame(self, tasks: asyncio.TaskGroup, history: History) -> CallFrame:
        return CallFrame(
            setup=self._setup, leg=self._leg, tasks=tasks, figures=self._figures, history=history, end=self._end
        )

    async def _forward_leg_events(self, parts: CallParts) -> None:
        while True:
            event = await self._leg.events.get()
            if isinstance(event, LegHeld | LegResumed):
                self._held = isinstance(event, LegHeld)
                parts.conversation.on_hold(held=self._held)
                continue
            self._leg_gone = isinstance(event, LegClosed)
            parts.conversation.post(event)
            if self._leg_gone:
                return

    def poll(self, now: float) -> None:
        """Serve the leg; called by the poller."""
        if self._parts is None:
            return
        pcm = self._leg.read()
        # music on hold is not the caller: it is neither understood nor answered. Silence in its place: without any
        # sound a model never notices that the caller has finished, and vendors end the stream
        self._parts.poll(bytes(len(pcm)) if self._held else pcm, now)

    def poll_failed(self, failure: Exception) -> None:
        """The audio path broke: the call cannot go on."""
        logger.error("audio_path_failed", call_id=self._setup.ref.call_id, exception_name=type(failure).__name__)
        self._end(Ending(EndReason.MEDIA_LOST, "internal error"))

    def _time_is_up(self) -> None:
        if parts := self._running():
            parts.conversation.cut(Ending(EndReason.MAX_DURATION))

    def _end(self, ending: Ending) -> None:
        """The one place where a call is over; the first ending stands."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(ending)

    # afterwards

    async def _release(self, history: History, journal: Journal, hang_ups: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Let go of everything, each bounded; nothing here may keep the outcome from being told."""
        if self._parts is not None:
            self._parts.stop()
        history.settle(final=True)
        closing = [*hang_ups, *self._services.closing()]
        if self._services.mcp_tools is not None:
            closing.append(self._services.mcp_tools.close())
        if opt_out := self._services.opt_out:
            closing.append(opt_out.settled())
        bounded = asyncio.gather(*(self._bounded(part) for part in closing))
        self.unwritten = await journal.close()
        await bounded

    async def _bounded(self, closing: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(CLEANUP_SECONDS):
                await closing
        except Exception as failure:  # noqa: BLE001 - a provider that fails to close must not lose the outcome
            logger.warning("cleanup_failed", call_id=self._setup.ref.call_id, exception_name=type(failure).__name__)

    def _make_outcome(self, ending: Ending, ended_at: datetime) -> CallOutcome:
        parts = self._parts
        used = parts.usage if parts else ConversationUsage(ProviderUsage(cost_usd=0.0), ProviderUsage(cost_usd=0.0))
        total = add_usage(add_usage(used.stt, used.tts), self._figures.model)
        opt_out = self._services.opt_out
        told = [*self._figures.errors, ending.error, opt_out.error if opt_out else None]
        errors = dict.fromkeys(error for error in told if error)
        return CallOutcome(
            end_reason=ending.reason,
            error="; ".join(errors)[:_LONGEST_ERROR] or None,
            ended_at=ended_at,
            transfer=parts.transfers.record if parts else None,
            latency=latency_report(self._figures, stt=used.stt, tts=used.tts),
            cost=total.cost_usd,
            byok=frozenset(self._services.own_keys),
            recording_late=isinstance(self._leg, LegLayer) and self._leg.recording_late,
        )

    def _log_defects(self, failures: BaseExceptionGroup[Exception]) -> None:
        """Log where each defect happened, not its message: that may hold what somebody said."""
        for failure in failures.exceptions:
            logger.error(
                "session_failed",
                call_id=self._setup.ref.call_id,
                exception_name=type(failure).__name__,
                frames=traceback.format_tb(failure.__traceback__),
            )


async def _raise_when_over(ended: "asyncio.Future[Ending]") -> None:
    await asyncio.shield(ended)
    raise _CallOver
