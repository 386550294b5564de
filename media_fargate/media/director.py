"""Takes every INVITE and every order, gives each a slot and a task, and keeps track of the calls that run."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from media.capacity import Capacity, Slot
from media.control.orders import AdmitAnswer, AdmitRequest, OrderRefusedError
from media.inbound import InboundCall
from media.outbound import OutboundCall
from media.routes import InboundRefusal
from media.running_call import CallServices, RunningCall
from media.telephony.addresses import called_number
from media.telephony.endpoint import Invite
from sovereign.calls.model import EndReason

__all__ = ["Director"]

logger = Logger(child=True)


class Director:
    """The calls of this process. Everything runs on the event loop; a slot is taken before anything is awaited."""

    def __init__(self, services: CallServices, capacity: Capacity) -> None:
        self._services = services
        self._capacity = capacity
        self._calls: dict[str, RunningCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def on_invite(self, invite: Invite) -> None:
        """A call has arrived."""
        slot = self._capacity.reserve()
        if slot is None:
            logger.info("invite_refused", code=480, reason="no capacity")
            self._spawn(invite.leg.reject())
            return
        call = InboundCall(self._services, invite.leg, invite.headers)
        self._start(slot, call, call.run())

    def dial(self, org_id: str, call_id: str) -> bool:
        """Start dialling; False when there is no capacity. The same order twice is one call."""
        if call_id in self._calls:
            return True
        slot = self._capacity.reserve()
        if slot is None:
            return False
        call = OutboundCall(self._services, org_id, call_id)
        self._start(slot, call, call.run())
        return True

    async def command(self, org_id: str, call_id: str, command: Mapping[str, Any]) -> None:
        """Change a running call. Raises OrderRefusedError, also for a call of another organization."""
        call = self._calls.get(call_id)
        if call is None or call.ref is None or call.ref.org_id != org_id:
            raise OrderRefusedError("call_not_in_progress", "Call is not in progress")
        await call.command(command)

    async def admit(self, request: AdmitRequest) -> AdmitAnswer:
        """Decide about an INVITE before the edge relays it here."""
        headers = {"X-Request-Uri": request.request_uri, "To": request.to or "", "Diversion": request.diversion or ""}
        called = called_number(headers, behind_edge=True)
        route = await self._services.blocking(self._services.directory.inbound_route, called, request.source)
        if isinstance(route, InboundRefusal):
            if route.drop:
                return AdmitAnswer("drop")
            return AdmitAnswer("reject", route.code, route.reason)
        if not self._capacity.accepting:
            return AdmitAnswer("reject", 480, "No capacity")
        return AdmitAnswer("relay")

    async def stop_calls(self, reason: EndReason) -> None:
        """End every call, conversations with an apology; returns when all have been told."""
        calls = list(self._calls.values())
        results = await asyncio.gather(*(call.stop(reason) for call in calls), return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                logger.error("call_not_stopped", error=type(result).__name__)

    async def finished(self) -> None:
        """Wait until nothing is under way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def abandon(self) -> None:
        """Cut what is still under way short; its rows are ended if that can be done now, else by the reaper."""
        for task in self._tasks:
            task.cancel()

    def _start(self, slot: Slot, call: RunningCall, run: Coroutine[Any, Any, None]) -> None:
        # known from now on, not from when its task runs: it must not escape `stop_calls`
        self._calls[call.call_id] = call
        self._spawn(self._carry(slot, call, run))

    async def _carry(self, slot: Slot, call: RunningCall, run: Coroutine[Any, Any, None]) -> None:
        with slot:
            try:
                await run
            finally:
                del self._calls[call.call_id]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            logger.error("call_task_failed", error=type(task.exception()).__name__)
