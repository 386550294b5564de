"""Keeps ECS from stopping the task for scaling or a deployment while it carries calls."""

import asyncio
from typing import Protocol

from aws_lambda_powertools import Logger

from media.capacity import Capacity
from media.ecs import ProtectionRefusedError

__all__ = ["ScaleInProtection", "TaskProtection", "unprotected"]

PROTECTED_MINUTES = 5
RENEW_BELOW_SECONDS = 180.0
"""With less than so much left it is renewed, which leaves a dozen attempts before it ends."""
CHECK_SECONDS = 15.0
CONFIRM_SECONDS = 3.0
"""How long a call rings on for want of a confirmation."""

logger = Logger(child=True)


async def unprotected() -> None:
    """For a process that nothing but a person stops."""


class TaskProtection(Protocol):
    """What is used of `media.ecs.EcsTaskProtection`."""

    async def protect(self, minutes: int) -> None:
        """Protect the task for so long from now. Raises ProtectionRefusedError."""


class ScaleInProtection:
    """Protects the task from before its first call is answered until at most five minutes after its last one.

    Nothing takes the protection away: it runs out. Several processes share a task, and one that released it when it
    became idle would take it from another's call. A call is carried even when ECS does not confirm: refusing it would
    lose it for certain, while a task that is stopped all the same still drains.
    """

    def __init__(self, task: TaskProtection, capacity: Capacity) -> None:
        self._task = task
        self._capacity = capacity
        self._protected_until = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def confirm(self) -> bool:
        """Wait until the task is protected, at most three seconds; whether it is. Before a call is answered."""
        loop = asyncio.get_running_loop()
        if self._protected_until - loop.time() < RENEW_BELOW_SECONDS:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            await asyncio.wait({self._asking}, timeout=CONFIRM_SECONDS)
        return self._protected_until > loop.time()

    async def run(self) -> None:
        """Ask as soon as a call has a slot, and renew while there are calls, until cancelled."""
        while True:
            await self._capacity.busy()
            await self.confirm()
            await asyncio.sleep(CHECK_SECONDS)

    async def _ask(self) -> None:
        # counted from the question: ECS cannot have begun earlier
        asked = asyncio.get_running_loop().time()
        try:
            await self._task.protect(PROTECTED_MINUTES)
        except ProtectionRefusedError as refused:
            logger.warning("task_not_protected", reason=str(refused))
        else:
            self._protected_until = asked + PROTECTED_MINUTES * 60
