"""Two thousand calls and their usage: exact totals, order and cost-free offsets, against what was put in."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from infra.embedded.cloud import cloud_client
from sovereign.calls.model import Call
from sovereign.kernel.clock import to_wire
from tests.contract.client import Api, named_in
from tests.contract.history import History, load, make_history
from tests.contract.organizations import Organizations

COUNT = 2000


class Past(NamedTuple):
    """An organization's view and what it must show."""

    api: Api
    history: History

    @property
    def newest_first(self) -> list[Call]:
        return [*self.history.calls[::-1]]


@pytest.fixture(scope="module")
def past(organizations: Organizations) -> Iterator[Past]:
    organization = organizations.create("Past")
    history = make_history(organization.id, COUNT, seed=20261122)
    load(cloud_client("dynamodb", organizations.endpoint), organizations.table_name, history.items())
    with organization.client() as client:
        yield Past(client, history)


def ids(page: dict[str, Any]) -> list[str]:
    return [call["id"] for call in page["calls"]]


@pytest.mark.parametrize(
    ("offset", "limit"), [(0, 1), (0, 100), (1, 7), (990, 1000), (1000, 1000), (1999, 1), (1995, 100), (2000, 10)]
)
def test_any_page_of_calls_is_exact(offset: int, limit: int, past: Past) -> None:
    page = past.api.get("/calls", offset=offset, limit=limit)
    assert page["pagination"] == {"total": COUNT, "limit": limit, "offset": offset}
    assert ids(page) == [call.ref.call_id for call in past.newest_first[offset : offset + limit]]


def test_pages_side_by_side_hold_every_call_once_newest_first(past: Past) -> None:
    seen = [
        call for offset in range(0, COUNT, 300) for call in past.api.get("/calls", offset=offset, limit=300)["calls"]
    ]
    assert [call["id"] for call in seen] == [call.ref.call_id for call in past.newest_first]
    assert all(newer["created_at"] >= older["created_at"] for newer, older in pairwise(seen))


def test_the_defaults_are_the_hundred_newest(past: Past) -> None:
    assert past.api.get("/calls")["pagination"] == {"total": COUNT, "limit": 100, "offset": 0}
    assert past.api.get("/usage")["pagination"]["limit"] == 100


FILTERS: list[dict[str, str]] = [
    {"status": "ended"},
    {"status": "failed"},
    {"status": "ringing"},
    {"direction": "outbound"},
    {"agent_id": "agent-a"},
    {"assistant_id": "agent-b"},
    {"agent_id": "nobody"},
    {"status": "ended", "direction": "inbound"},
    {"status": "ended-with-error", "direction": "outbound", "agent_id": "agent-b"},
]


def matches(call: Call, wanted: dict[str, str]) -> bool:
    shown = {"status": call.status, "direction": call.direction, "agent_id": call.agent_id}
    return all(shown[name.replace("assistant", "agent")] == value for name, value in wanted.items())


@pytest.mark.parametrize("wanted", FILTERS, ids=str)
def test_filters_count_and_page_exactly(wanted: dict[str, str], past: Past) -> None:
    right = [call.ref.call_id for call in past.newest_first if matches(call, wanted)]
    for offset in (0, 5, max(0, len(right) - 3)):
        page = past.api.get("/calls", offset=offset, limit=20, **wanted)
        assert page["pagination"]["total"] == len(right)
        assert ids(page) == right[offset : offset + 20]


def spans(past: Past) -> list[tuple[datetime | None, datetime | None]]:
    at = [call.created_at for call in past.history.calls]
    tick = timedelta(milliseconds=1)
    return [
        (at[500], None),
        (None, at[500]),
        (at[300], at[1700]),
        (at[300] + tick, at[1700] - tick),
        (at[0], at[-1]),
        (at[-1] + tick, None),
        (None, at[0] - tick),
        (at[900], at[100]),
    ]


@pytest.mark.parametrize("case", range(8))
def test_date_bounds_are_inclusive_and_exact(case: int, past: Past) -> None:
    start, end = spans(past)[case]
    bounds = {n: to_wire(m) for n, m in (("start_date", start), ("end_date", end)) if m}
    right = [c for c in past.newest_first if (not start or c.created_at >= start) and (not end or c.created_at <= end)]
    page = past.api.get("/calls", offset=3, limit=10, **bounds)
    assert page["pagination"]["total"] == len(right)
    assert ids(page) == [call.ref.call_id for call in right[3:13]]
    both = past.api.get("/calls", limit=10, status="ended", **bounds)
    assert both["pagination"]["total"] == sum(call.status == "ended" for call in right)


@pytest.mark.parametrize("case", range(8))
def test_a_usage_summary_covers_the_whole_filter(case: int, past: Past) -> None:
    start, end = spans(past)[case]
    bounds = {n: to_wire(m) for n, m in (("start_date", start), ("end_date", end)) if m}
    rows = past.api.get("/usage", limit=1000, **bounds)
    total = rows["pagination"]["total"]
    listed = rows["logs"] + (past.api.get("/usage", limit=1000, offset=1000, **bounds)["logs"] if total > 1000 else [])
    assert len(listed) == total == rows["summary"]["total_calls"]
    assert rows["summary"]["total_duration_seconds"] == sum(row["duration_sec"] for row in listed)
    assert past.api.get("/usage", limit=1, **bounds)["summary"] == rows["summary"]
    inside = [row["created_at"] for row in listed]
    assert all((not start or at >= to_wire(start)) and (not end or at <= to_wire(end)) for at in inside)


def test_usage_holds_every_booked_row_newest_first(past: Past) -> None:
    booked = past.history.usage[::-1]
    seen = [row for offset in (0, 1000) for row in past.api.get("/usage", offset=offset, limit=1000)["logs"]]
    assert [row["call_id"] for row in seen] == [entry.call_id for entry in booked]
    assert [row["duration_sec"] for row in seen] == [entry.duration_sec for entry in booked]
    assert [row["byok_stt"] for row in seen] == ["stt" in entry.byok for entry in booked]
    summary = past.api.get("/usage", offset=1400, limit=5)["summary"]
    seconds = sum(entry.duration_sec for entry in booked)
    assert (summary["total_calls"], summary["total_duration_seconds"]) == (len(booked), seconds)


def test_one_call_by_its_id(past: Past, stranger: Api) -> None:
    call = past.history.calls[1234]
    read = past.api.get(f"/calls/{call.ref.call_id}")
    assert read == past.api.get("/calls", offset=COUNT - 1235, limit=1)["calls"][0]
    assert (read["status"], read["agent_id"], read["assistant_id"]) == (call.status, call.agent_id, call.agent_id)
    assert stranger.get(f"/calls/{call.ref.call_id}", expect=404)["code"] == "not_found"
    assert stranger.get("/calls")["pagination"]["total"] == 0


@pytest.mark.parametrize("path", ["/calls", "/usage"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "1001"), ("limit", "-1"), ("limit", "x"), ("limit", "1.5"), ("limit", ""),
        ("limit", "9" * 30), ("offset", "-1"), ("offset", "x"), ("offset", "1e3"), ("offset", "9" * 30),
        ("start_date", "yesterday"), ("start_date", ""), ("end_date", "2026-13-01"), ("end_date", "x" * 2000),
        ("end_date", "2026-01-01T25:00:00Z"),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused_by_name(path: str, name: str, value: str, past: Past) -> None:
    assert named_in(past.api.get(path, expect=400, **{name: value})) == {name}


@pytest.mark.parametrize(("name", "value"), [("status", "done"), ("direction", "up"), ("status", "")])
def test_bad_filters_are_refused_by_name(name: str, value: str, past: Past) -> None:
    assert named_in(past.api.get("/calls", expect=400, **{name: value})) == {name}


def test_moments_in_other_forms_are_understood(past: Past) -> None:
    total = past.api.get("/calls", start_date="2026-01-01T06:00:00.000Z")["pagination"]["total"]
    for same in ("2026-01-01T06:00:00+00:00", "2026-01-01T07:00:00+01:00", "2026-01-01T06:00", "2026-01-01T06:00:00Z"):
        assert past.api.get("/calls", start_date=same)["pagination"]["total"] == total
    assert past.api.get("/calls", start_date="2026-01-01")["pagination"]["total"] == COUNT
