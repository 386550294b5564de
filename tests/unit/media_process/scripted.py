"""A scripted leg and session for the director's tests."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from typing import Any

from media.calls.journal import Batch
from media.telephony.baresip_leg import LegRefusedError
from media.telephony.leg import NOT_ENCRYPTED, LegAnswered, LegClosed, LegClosedBy, LegEvent, LegStats, TransferOutcome
from sovereign.assistants import EffectiveAssistant, transient
from sovereign.calls.model import CallOutcome, EndReason
from sovereign.kernel.signing import SigningSecret
from sovereign.webhooks.targets import WebhookSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEBHOOK = WebhookSettings("https://example.com/hook", SigningSecret("s3cret"))
HEADERS = {"To": "<sip:+31850835037@127.0.0.1>", "From": "<sip:+31612345678@127.0.0.1>;tag=1"}


def assistant(**members: Any) -> EffectiveAssistant:
    return transient(
        {
            "llm_config": {"provider": "local", "model": "intents"},
            "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
            "tts_config": {"provider": "local", "voice_id": "heart"},
            **members,
        }
    )


class Inline(Executor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as failed:  # noqa: BLE001 - as executors do
            future.set_exception(failed)
        return future


class Leg:
    """A scripted leg: answers when told to, closes when the far end does."""

    def __init__(self, stage: Callable[[str], None]) -> None:
        self.id, self.sample_rate = "leg", 8000
        self.events: asyncio.Queue[LegEvent] = asyncio.Queue()
        self.closed: LegClosed | None = None
        self.did: list[str] = []
        self.confirms = True
        self.encrypts = False
        self._stage = stage
        self.queued_bytes = 0

    def close(self, by: LegClosedBy, code: int | None = None, detail: str | None = None) -> None:
        if self.closed is None:
            self.closed = LegClosed(by, code, detail)
            self.events.put_nowait(self.closed)

    async def answer(self, *, encrypted_only: bool = False) -> None:
        self._stage("answer")
        if encrypted_only and not self.encrypts:
            self.close(LegClosedBy.FAILED, detail=NOT_ENCRYPTED)
            return
        if self.closed:
            raise LegRefusedError("gone")
        self.did.append("answer")
        if self.confirms:
            self.events.put_nowait(LegAnswered())

    async def reject(self) -> None:
        if not self.closed:
            self.did.append("reject")
        self.close(LegClosedBy.US)

    async def hang_up(self) -> None:
        if not self.closed:
            self.did.append("hang_up")
        self.close(LegClosedBy.US)

    def read(self) -> bytes:
        return b""

    def write(self, pcm: bytes) -> int:
        return len(pcm)

    def flush(self) -> int:
        return 0

    async def send_dtmf(self, digits: str) -> None:
        self.did.append(f"dtmf {digits}")

    async def transfer(self, target: str, timeout_seconds: float = 30.0) -> TransferOutcome:
        return TransferOutcome.FAILED

    def stats(self) -> LegStats:
        return LegStats()


class Session:
    """A conversation that lasts until the far end hangs up, or it is told to end."""

    def __init__(self, stand: Any, leg: Leg) -> None:
        self._stand, self._leg = stand, leg
        self._ended: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()
        self.commands: list[Mapping[str, Any]] = []
        self.unwritten: Sequence[Batch] = stand.unwritten

    async def run(self) -> CallOutcome:
        self._stand.stage("session")
        gone = asyncio.ensure_future(self._until_gone())
        try:
            waiting: set[asyncio.Future[Any]] = {gone, self._ended}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            reason = self._ended.result() if self._ended.done() else EndReason.USER_HANGUP
            return CallOutcome(end_reason=reason)
        finally:
            gone.cancel()

    async def _until_gone(self) -> None:
        while not isinstance(await self._leg.events.get(), LegClosed):
            pass

    async def command(self, command: Mapping[str, Any]) -> None:
        if self._stand.command_error:
            raise self._stand.command_error
        self.commands.append(command)

    def stop(self, reason: EndReason) -> None:
        self._stand.stopped.append(reason)
        if not self._ended.done():
            self._ended.set_result(reason)
