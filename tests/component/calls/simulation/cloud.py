"""Stream, bus, queue, state machine and schedules as AWS has them: at least once, in any order, with the retries of the
template. What they invoke is in `functions.py`."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from infra.paths import WORKFLOWS
from sovereign.calls.events import CALL_ENDED, SOURCE
from sovereign.kernel.bus import Event
from sovereign.kernel.table import Item, Ref, to_attributes
from sovereign.nodes.client import NodeAnswer
from sovereign.webhooks.queue import QueuedAttempt
from tests.component.calls.simulation.functions import Functions
from tests.component.calls.simulation.table import WatchedTable
from tests.component.calls.simulation.virtual import FunctionCrashedError, SimulatedLoop

RECEIVES: Final = 5
VISIBILITY_SECONDS: Final = 120
STATES: Final[Mapping[str, Any]] = json.loads((WORKFLOWS / "after_call.asl.json").read_text())
_MINUTE: Final = 60.0
_SWEEP_SECONDS: Final = 50.0
"""The sweep's function ends then."""


class Cloud:
    """All that happens because of what was written. `dial` asks a node: None when no answer came."""

    def __init__(self, loop: SimulatedLoop, table: WatchedTable, chance: Random, dial: Any) -> None:
        self._loop, self._chance, self._dial = loop, chance, dial
        self.functions = Functions(loop, table, chance, bus=self, deliveries=self, mails=self, dialler=self)
        self.troubled: dict[str, list[datetime]] = {"reap": [], "sweep": []}
        """When a run of a schedule crashed, or was refused a request."""
        self.defects: list[Exception] = []
        """What a run of a schedule raised that nothing made go wrong."""
        self.dead_letters = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_come = 0
        self._records: list[dict[str, Any]] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way but the schedules themselves."""
        return not self._to_come and len(self._tasks) == len(self.troubled)

    def run_schedules(self) -> None:
        """Each minute, not both in the same second."""
        for name, run in (("reap", self.functions.reaper.run), ("sweep", self._sweep)):
            self.start(self._each_minute(name, run))

    def _sweep(self) -> None:
        until = self._loop.clock() + timedelta(seconds=_SWEEP_SECONDS)

        def seconds_left() -> float:
            return (until - self._loop.clock()).total_seconds()

        self.functions.sweep.run(seconds_left)

    async def _each_minute(self, name: str, run: Any) -> None:
        await asyncio.sleep(self._chance.uniform(0, _MINUTE))
        while True:
            self.start(self._once(name, run))
            await asyncio.sleep(_MINUTE)

    async def _once(self, name: str, run: Any) -> None:
        def watched() -> None:
            try:
                run()
            except Exception as failure:
                if not self.functions.was_troubled():
                    self.defects.append(failure)
                raise
            finally:
                if self.functions.was_troubled():
                    self.troubled[name].append(self._loop.clock())

        with suppress(Exception):  # whatever it is, the next minute's run goes on
            await self._loop.invoke(watched)

    # the stream

    def on_change(self, ref: Ref, before: Item | None, after: Item | None) -> None:
        """Records of facts, a batch at a time; now and then one is lost for the stream."""
        images = {"NewImage": after, "OldImage": before}
        if not any("due_shard" in (image or {}) and ref.sk.startswith("FACT#") for image in images.values()):
            return
        change = {name: to_attributes(image) for name, image in images.items() if image is not None}
        if not self._records:
            self._later(self._chance.uniform(0.1, 0.8), self._read)
        self._records.append({"eventID": "e", "dynamodb": change})

    def _read(self) -> None:
        batch, self._records = self._records, []
        self._chance.shuffle(batch)
        batch += self._chance.choices(batch, k=len(batch) // 10)
        if self._chance.random() > 0.02:
            self.start(self._publish(batch))

    async def _publish(self, batch: list[dict[str, Any]]) -> None:
        for _ in range(3):
            try:
                await self._loop.invoke(lambda: self.functions.publish(batch))
                return
            except FunctionCrashedError:
                await asyncio.sleep(1)

    # the bus

    def publish(self, events: Sequence[Event]) -> list[bool]:
        taken = [self._chance.random() > 0.01 for _ in events]
        for event, ok in zip(events, taken, strict=True):
            for _ in range(ok * self._chance.choice([1, 1, 1, 1, 1, 2])):
                self._rule(event)
        return taken

    def _rule(self, event: Event) -> None:
        if event.source != SOURCE:
            return
        late = self._chance.expovariate(1 / 30) if self._chance.random() < 0.05 else self._chance.uniform(0.05, 0.5)
        body = {"source": event.source, "detail-type": event.detail_type, "detail": dict(event.detail)}
        self._later(late, lambda: self._deliver(json.dumps(body)))
        if event.detail_type == CALL_ENDED and self._chance.random() > 0.01:
            self._later(late, lambda: self.start(self._execute(event.detail)))

    # the queue

    def put(self, attempt: Any, *, delay: timedelta = timedelta(0)) -> None:
        if isinstance(attempt, QueuedAttempt) and self._chance.random() > 0.005:
            self._later(delay.total_seconds() + 0.05, lambda: self._deliver(attempt.to_body()))

    def put_dead(self, _attempt: QueuedAttempt, _reason: str) -> None:
        self.dead_letters += 1

    def _deliver(self, body: str) -> None:
        for _ in range(self._chance.choice([1, 1, 1, 1, 1, 1, 1, 1, 1, 2])):
            self.start(self._receive(json.loads(body)))

    async def _receive(self, body: Mapping[str, Any]) -> None:
        for _ in range(RECEIVES):
            try:
                await self._loop.invoke(lambda: self.functions.deliver(body))
                return
            except Exception:  # noqa: BLE001 - the message comes back
                await asyncio.sleep(VISIBILITY_SECONDS)

    # the state machine

    async def _execute(self, detail: Mapping[str, Any]) -> None:
        name: str | None = STATES["StartAt"]
        while name is not None:
            state = STATES["States"][name]
            if state["Type"] == "Choice":  # of late pieces of a recording: these calls have none
                name = state["Default"]
                continue
            succeeded = await self._task(state, detail)
            name = state.get("Next") if succeeded else next((c["Next"] for c in state.get("Catch", ())), None)

    async def _task(self, state: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
        """Whether it succeeded in the end."""
        payload = {
            name: detail[str(value).split(".")[-1].split()[0]] if "Execution.Input" in str(value) else value
            for name, value in state["Arguments"]["Payload"].items()
        }
        tried: dict[int, int] = {}
        while True:
            try:
                async with asyncio.timeout(state["TimeoutSeconds"]):
                    await self._loop.invoke(lambda: self.functions.after_call(payload))
                return True
            except TimeoutError:
                error = "States.Timeout"
            except Exception:  # noqa: BLE001 - any error is one to the state machine
                error = "States.TaskFailed"
            place, rule = next(
                (place, rule)
                for place, rule in enumerate(state["Retry"])
                if {error, "States.ALL"} & {*rule["ErrorEquals"]}
            )
            done = tried[place] = tried.get(place, 0) + 1
            if done > rule["MaxAttempts"]:
                return False
            await asyncio.sleep(rule["IntervalSeconds"] * rule["BackoffRate"] ** (done - 1))

    # the node gateway

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        self._loop.sleep(self._chance.uniform(0.02, 0.2))
        return self._dial(org_id, call_id)  # type: ignore[no-any-return]

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        def happen() -> None:
            self._to_come -= 1
            act()

        self._to_come += 1
        self._loop.call_later(seconds, happen)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on by itself."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
