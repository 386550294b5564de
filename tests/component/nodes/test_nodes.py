"""Registration, heartbeats, and who gets a call."""

import json
from collections.abc import Mapping
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from sovereign.kernel.table import Put, Table
from sovereign.nodes import store as store_module
from sovereign.nodes.model import Node, NodeState, by_free_capacity
from sovereign.nodes.store import NodeStore
from tests.component.calls.harness import START, FakeClock


def node(node_id: str = "node-1", **changes: object) -> Node:
    known: dict[str, object] = {
        "node_id": node_id,
        "control_address": "127.0.0.1:21201",
        "certificate_pem": "PEM",
        "heartbeat_at": START,
        "started_at": START,
        "capacity": 40,
    }
    return Node(**(known | changes))  # type: ignore[arg-type]


def test_node_comes_back_as_registered_with_a_fresh_heartbeat(table: Table, clock: FakeClock) -> None:
    nodes = NodeStore(table, clock)
    clock.advance(seconds=3)
    nodes.register(node(active_calls=2, sip_address="127.0.0.1:5060"))
    assert nodes.get("node-1") == node(active_calls=2, sip_address="127.0.0.1:5060", heartbeat_at=clock.now)
    assert nodes.get("node-2") is None


def test_heartbeat_renews_and_tells_when_the_node_was_forgotten(table: Table, clock: FakeClock) -> None:
    nodes = NodeStore(table, clock)
    assert not nodes.heartbeat("node-1", active_calls=1, state=NodeState.ACCEPTING)
    assert nodes.get("node-1") is None
    nodes.register(node())
    clock.advance(seconds=5)
    assert nodes.heartbeat("node-1", active_calls=7, state=NodeState.DRAINING)
    renewed = nodes.get("node-1")
    assert renewed is not None
    assert (renewed.heartbeat_at, renewed.active_calls, renewed.state) == (clock.now, 7, NodeState.DRAINING)


def test_node_heard_of_since_is_not_removed(table: Table, clock: FakeClock) -> None:
    nodes = NodeStore(table, clock)
    nodes.register(node())
    seen = nodes.get("node-1")
    assert seen is not None
    clock.advance(seconds=5)
    nodes.heartbeat("node-1", active_calls=0, state=NodeState.ACCEPTING)
    assert not nodes.remove(seen)
    renewed = nodes.get("node-1")
    assert renewed is not None
    assert nodes.remove(renewed)
    assert nodes.all() == []


@pytest.mark.parametrize("mark", ["mark_draining", "mark_stopped"])
def test_marked_node_gets_no_calls(table: Table, clock: FakeClock, mark: str) -> None:
    nodes = NodeStore(table, clock)
    assert not getattr(nodes, mark)("node-1")
    nodes.register(node())
    assert by_free_capacity(nodes.all(), clock()) == nodes.all() != []
    assert getattr(nodes, mark)("node-1")
    assert by_free_capacity(nodes.all(), clock()) == []


def test_emptiest_node_comes_first_and_unfit_ones_not_at_all() -> None:
    nodes = [
        node("full", active_calls=40),
        node("busy", active_calls=39),
        node("silent", heartbeat_at=START - timedelta(seconds=21)),
        node("empty"),
        node("draining", state=NodeState.DRAINING),
        node("late", active_calls=5, heartbeat_at=START - timedelta(seconds=20)),
    ]
    assert [fit.node_id for fit in by_free_capacity(nodes, START)] == ["empty", "late", "busy"]


def test_node_is_lost_after_ninety_seconds() -> None:
    assert not node().is_lost(START + timedelta(seconds=90))
    assert node().is_lost(START + timedelta(seconds=90, milliseconds=1))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    lines = StringIO()
    monkeypatch.setattr(store_module._log.registered_handler, "stream", lines)
    return lines


def of_a_newer_version(table: Table, nodes: NodeStore, changes: Mapping[str, Any]) -> None:
    """Three nodes, and what stands in the item of the middle one is not this version's."""
    for node_id in ("a", "b", "c"):
        nodes.register(node(node_id))
    item = table.get(store_module._ref("b"))
    assert item is not None
    table.put(Put(item | dict(changes)))


@pytest.mark.parametrize("state", ["warming", None, {"name": "warming"}])
def test_state_of_a_newer_version_is_a_living_node_without_new_calls(
    table: Table, clock: FakeClock, logged: StringIO, state: object
) -> None:
    nodes = NodeStore(table, clock)
    of_a_newer_version(table, nodes, {"state": state})
    known = nodes.all()
    assert [each.node_id for each in known] == ["a", "b", "c"]
    assert [each.node_id for each in by_free_capacity(known, clock())] == ["a", "c"]
    newer = nodes.get("b")
    assert newer is not None
    assert not newer.is_lost(clock())
    clock.advance(seconds=91)
    assert newer.is_lost(clock())
    (line,) = logged.getvalue().splitlines()
    said = json.loads(line)
    assert (said["message"], said["nodes"]) == ("nodes_not_understood", ["NODE#b"])


@pytest.mark.parametrize(
    "changes", [{"capacity": "forty"}, {"active_calls": None}, {"heartbeat_at": "lately"}, {"started_at": None}]
)
def test_node_that_cannot_be_read_does_not_hide_the_others(
    table: Table, clock: FakeClock, logged: StringIO, changes: Mapping[str, Any]
) -> None:
    nodes = NodeStore(table, clock)
    of_a_newer_version(table, nodes, changes)
    assert [each.node_id for each in nodes.all()] == ["a", "c"]
    assert [json.loads(line)["nodes"] for line in logged.getvalue().splitlines()] == [["NODE#b"]]
