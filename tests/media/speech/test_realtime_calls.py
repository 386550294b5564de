"""A call whose vendor's server fails, with each speech-to-speech adapter and the conversation they serve, in real
time."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from media.audio.levels import samples
from media.realtime import answer_watch
from media.speech.realtime import google, openai_socket
from sovereign.calls.model import EndReason
from tests.fakes import realtime
from tests.fakes.realtime import FakeRealtime, Reply
from tests.fakes.server import Trouble, cut
from tests.media.speech.realtime_call import Call
from tests.media.speech.realtime_vendors import Vendor, leaving_nothing, serve, vendor
from tests.scenarios.conversation.world import says

__all__ = ["serve", "vendor"]


@pytest.fixture(autouse=True)
def keen_hearing(monkeypatch: pytest.MonkeyPatch) -> None:
    # a scripted caller speaks softly
    monkeypatch.setattr(realtime, "_LOUD", 50)


def heard(server: FakeRealtime, connection: int) -> float:
    """Seconds of the caller's voice that a connection heard."""
    hearing = server.connections[connection].hearing
    return float((np.abs(samples(bytes(hearing.audio))) > 50).sum() / hearing.rate)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "cut_after", [pytest.param(0.8, id="while the caller speaks"), pytest.param(1.95, id="before the answer")]
)
async def test_connection_cut_in_the_callers_turn_costs_no_word(vendor: Vendor, serve: Any, cut_after: float) -> None:
    trouble = Trouble(first_delay=1.5)
    async with serve(trouble, turn_ends_after=0.6) as server, leaving_nothing(server):
        call = Call(vendor, server, timeline=[says(1.5, "my name is Eve", 2.0)], first_message="")
        running = asyncio.create_task(call.run())
        await until(lambda: bool(server.connections) and heard(server, 0) > cut_after)
        cut(server.connections[0].request)
        await call.until_said("Understood.")
        call.leg.close()
        outcome = await running
        assert outcome.end_reason is EndReason.USER_HANGUP
        assert outcome.latency is not None
        assert outcome.latency["provider_retries"] == 1
        assert len(server.connections) == 2
        assert heard(server, 1) == pytest.approx(2.0, abs=0.15)


async def test_answer_cut_in_its_middle_is_gone_on_with(vendor: Vendor, serve: Any) -> None:
    replies = [Reply("Good day Eve, how can I be of help to you?", cut_after=6), Reply("As I said.")]
    async with serve(replies=replies, caller_says=["my name is Eve"]) as server, leaving_nothing(server):
        call = Call(vendor, server, timeline=[says(0.5, "my name is Eve", 1.0)], first_message="")
        running = asyncio.create_task(call.run())
        await call.until_said("As I said.")
        call.leg.close()
        assert (await running).end_reason is EndReason.USER_HANGUP
        assert len(server.connections) == 2
        setups = [place for place, event in enumerate(server.received) if event.get("setup") or event.get("session")]
        told = str(server.received[setups[-1] :])
        assert "my name is Eve" in told
        assert "Good day" in told
        # it was answered: the model is not to hear it twice
        assert heard(server, 1) < 0.1


@pytest.mark.parametrize("vendor", ["xai", "gemini", "vertex"], indirect=True)
async def test_server_silent_in_mid_answer_is_reconnected_and_then_given_up(
    vendor: Vendor, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI's model has no answers that could be incomplete: what it does not say it leaves out."""
    monkeypatch.setattr(answer_watch, "_SILENCE_SECONDS", 0.5)
    async with serve(Trouble(between_delay=60)) as server, leaving_nothing(server):
        outcome = await Call(vendor, server).run()
        assert outcome.end_reason is EndReason.PROVIDER_ERROR
        assert outcome.error == "realtime: fell silent in the middle of an answer"
        assert len(server.connections) == 2


async def test_server_that_never_confirms_the_setup_is_tried_twice(
    vendor: Vendor, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_socket, "_START_SECONDS", 0.3)
    monkeypatch.setattr(google, "_CONNECT_SECONDS", 0.3)
    async with serve(ignores=frozenset({"setup"})) as server, leaving_nothing(server):
        outcome = await Call(vendor, server).run()
        assert outcome.end_reason is EndReason.PROVIDER_ERROR
        assert outcome.error is not None
        assert "did not answer in time" in outcome.error
        assert len(server.connections) == 2
