"""Pages whose calls lie far apart: rows come in batches, and only answered calls cost a request of their own."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sovereign.calls import reading
from sovereign.calls.model import Call, CallOutcome, CallStatus, EndReason, Message
from sovereign.calls.store import CallFilters, CallStore
from sovereign.kernel.errors import InvalidRequestError
from tests.component.calls.harness import ORG, CountingTable, FakeClock, ReversibleCipher, moto_table, new_call


@dataclass
class World:
    table: CountingTable
    calls: CallStore
    rare: list[Call]
    """The agent's calls as the unfiltered list has them, newest first."""


@pytest.fixture(scope="module")
def scattered() -> Iterator[World]:
    """Every fourth call is of one agent; two of those were answered."""
    patch = pytest.MonkeyPatch()
    patch.setattr(reading, "_GAP", 2)  # moto takes a tenth of a second to make a call
    with moto_table(patch) as table:
        calls = CallStore(table, FakeClock(), cipher=ReversibleCipher())
        for n in range(5 * 4 + 1):
            call = calls.starts.create(new_call(agent_id="agent-1" if n % 4 else "rare", ringing=True))
            if n % 4 == 0:
                _end(calls, call, answered=n in (0, 12))
        everything = calls.reading.page(ORG, offset=0, limit=1000, filters=CallFilters()).calls
        yield World(table, calls, [call for call in everything if call.agent_id == "rare"])
    patch.undo()


def _end(calls: CallStore, call: Call, *, answered: bool) -> None:
    if answered:
        calls.lifecycle.mark_answered(call.ref)
        for batch in range(3):
            calls.content.append_messages(call.ref, batch, [Message("user", f"batch {batch}")])
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.USER_HANGUP if answered else EndReason.DIAL_BUSY))
    calls.content.save_after_call(call.ref, summary="It was about bread." if answered else "")


def test_scattered_page_costs_its_answered_calls_and_not_its_rows(scattered: World) -> None:
    before = scattered.table.requests
    page = scattered.calls.reading.page(ORG, offset=1, limit=100, filters=CallFilters(agent_id="rare"))
    assert page.calls == scattered.rare[1:]
    assert page.total == 6
    # index, rows with summaries, and the messages of the two that were answered
    assert scattered.table.requests - before == 4


def test_scattered_page_of_calls_nobody_answered_costs_a_request_for_all_rows(scattered: World) -> None:
    filters = CallFilters(agent_id="rare", status=CallStatus.FAILED)
    before = scattered.table.requests
    page = scattered.calls.reading.page(ORG, offset=0, limit=100, filters=filters)
    assert page.calls == [call for call in scattered.rare if call.status is CallStatus.FAILED]
    assert page.total == 4
    assert scattered.table.requests - before == 3  # one more for the second index


def test_scattered_page_beyond_the_bound_names_the_limit_that_fits(
    scattered: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_BYTES", 40)
    with pytest.raises(InvalidRequestError) as refused:
        scattered.calls.reading.page(ORG, offset=0, limit=100, filters=CallFilters(agent_id="rare"))
    assert refused.value.extra["limit"] < 6
