"""Two legs that hear each other after a transfer; either side's end ends both."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from media.audio.levels import size
from media.audio.resample import StreamResampler
from media.calls.poller import Poller
from media.conversation.tones import beeps
from media.telephony.baresip_leg import LegRefusedError
from media.telephony.leg import CallLeg, LegClosed, LegDigit
from sovereign.calls.model import CallRef

__all__ = ["LONGEST_SECONDS", "Bridge", "MarkTransferred", "tell_transferred"]

PRIMING_SECONDS = 0.04
"""Silence put ahead of audio that begins, so that packets a little late leave no hole."""
MOST_QUEUED_SECONDS = 0.1
"""More than this waiting to be played is delay, as after a stall: only the newest of it is kept, as much as primes."""
LONGEST_SECONDS = 14_400.0
"""A bridge nobody ends is ended: no longer than any call may last."""
HANG_UP_SECONDS = 5.0
RETRY_SECONDS = 5.0

MarkTransferred = Callable[[CallRef, Mapping[str, Any]], object]
"""Blocking; tells the call's row that the caller speaks with a second leg (`CallLifecycle.mark_transferred`)."""

logger = Logger(child=True)


class _Direction:
    """Audio from one leg to the other, at the other's rate."""

    def __init__(self, source: CallLeg, sink: CallLeg) -> None:
        self._source = source
        self._sink = sink
        rates = source.sample_rate, sink.sample_rate
        self._resampler = None if rates[0] == rates[1] else StreamResampler(*rates)
        self._priming = bytes(size(PRIMING_SECONDS, sink.sample_rate))
        self._most = size(MOST_QUEUED_SECONDS, sink.sample_rate)

    def carry(self) -> None:
        """Pass on what has arrived. Lost packets only make it less: the sink plays silence meanwhile."""
        pcm = self._source.read()
        if pcm and self._resampler:
            pcm = self._resampler.push(pcm)
        if not pcm:
            return
        queued = self._sink.queued_bytes
        if queued + len(pcm) > self._most:
            pcm = pcm[len(pcm) - max(0, len(self._priming) - queued) :]
        elif queued == 0:
            pcm = self._priming + pcm
        self._sink.write(pcm)


class Bridge:
    """Relays from `start` on; `run` returns when both legs are gone."""

    def __init__(self, caller: CallLeg, second: CallLeg, poller: Poller) -> None:
        self._legs = (caller, second)
        self._poller = poller
        self._over = asyncio.Event()
        self._directions = (_Direction(caller, second), _Direction(second, caller))

    def start(self) -> None:
        """Let them hear each other."""
        for leg in self._legs:
            leg.flush()
            leg.read()  # what was said before is no part of this conversation
        self._poller.add(self)

    async def run(self) -> None:
        """Until either side hangs up, the bridge is told to end, or it has lasted for too long."""
        caller, second = self._legs
        watchers = [asyncio.create_task(work) for work in (_watch(caller, second), _watch(second, caller))]
        watchers.append(asyncio.create_task(_set(self._over)))
        try:
            await asyncio.wait(watchers, timeout=LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._poller.remove(self)
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, *map(_hang_up, self._legs), return_exceptions=True)

    def end(self) -> None:
        """End both legs; returns at once."""
        self._over.set()

    def warn(self) -> None:
        """Tell both sides that the call is about to end, as no voice is left to say it."""
        for leg in self._legs:
            leg.write(beeps(leg.sample_rate))

    def poll(self, now: float) -> None:  # noqa: ARG002 - the poller tells everybody
        """Carry audio both ways; called by the poller."""
        for direction in self._directions:
            direction.carry()

    def poll_failed(self, failure: Exception) -> None:  # noqa: ARG002 - the poller has logged it
        """The audio path broke: nobody hears anybody any more."""
        self.end()


async def tell_transferred(ref: CallRef, transfer: Mapping[str, Any], mark: MarkTransferred) -> None:
    """Tell the call's row that it is bridged, until the table takes it; the call's end tells it all the same."""
    while True:
        try:
            await asyncio.to_thread(mark, ref, transfer)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the two speak with each other meanwhile
            logger.warning("transfer_not_told", call_id=ref.call_id, exception_name=type(failure).__name__)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def _watch(leg: CallLeg, other: CallLeg) -> None:
    """Until the leg is gone; its keys are pressed on the other one, for they are no part of the audio."""
    while True:
        event = await leg.events.get()
        if isinstance(event, LegClosed):
            return
        if isinstance(event, LegDigit):
            try:
                await other.send_dtmf(event.digit)
            except (LegRefusedError, ValueError):
                logger.info("digit_not_passed_on")


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _hang_up(leg: CallLeg) -> None:
    async with asyncio.timeout(HANG_UP_SECONDS):
        await leg.hang_up()
