"""What must hold across the members of a workflow: found on the JSON as it was sent, so that a bad member somewhere
does not hide the problems elsewhere."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Location = tuple[str | int, ...]
Problem = tuple[Location, str]

_LEADING_ON = frozenset({"conversation", "tool"})


@dataclass(frozen=True)
class _Node:
    place: int
    id: str
    kind: str
    is_global: bool


@dataclass(frozen=True)
class _Edge:
    place: int
    start: str
    end: str
    described: bool


@dataclass(frozen=True)
class _Graph:
    """The parts that can be read; of several nodes with one id the first counts."""

    nodes: Mapping[str, _Node]
    edges: tuple[_Edge, ...]


def graph_problems(definition: Any) -> list[Problem]:
    """Every problem of a definition as it was sent; what is no node or edge at all is left to their own rules."""
    if not isinstance(definition, Mapping):
        return []
    nodes = list(_nodes(definition.get("nodes")))
    graph = _Graph({node.id: node for node in reversed(nodes)}, tuple(_edges(definition.get("edges"))))
    found = list(_repeated_ids(nodes))
    found += _node_problems(definition.get("nodes"))
    for edge in graph.edges:
        found += _edge_problems(edge, graph)
    found += _repeated_edges(graph)
    found += _tool_exits(graph)
    entry = definition.get("entry_node")
    entry_problems = list(_entry_problems(entry, graph))
    return found + (entry_problems or list(_unreachable(entry, graph)))


def _nodes(given: Any) -> Iterator[_Node]:
    for place, node in _objects(given):
        if isinstance(node.get("id"), str) and isinstance(node.get("type"), str):
            yield _Node(place, node["id"], node["type"], node.get("global") is True)


def _edges(given: Any) -> Iterator[_Edge]:
    for place, edge in _objects(given):
        if isinstance(edge.get("from"), str) and isinstance(edge.get("to"), str):
            yield _Edge(place, edge["from"], edge["to"], edge.get("description") is not None)


def _objects(given: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if isinstance(given, list):
        yield from ((place, entry) for place, entry in enumerate(given) if isinstance(entry, Mapping))


def _repeated_ids(nodes: list[_Node]) -> Iterator[Problem]:
    seen: set[str] = set()
    for node in nodes:
        if node.id in seen:
            yield ("nodes", node.place, "id"), "another node has this id"
        seen.add(node.id)


def _node_problems(given: Any) -> Iterator[Problem]:
    for place, node in _objects(given):
        if node.get("type") != "conversation":
            continue
        described = node.get("global_description") is not None
        if node.get("global") is True and not described:
            yield ("nodes", place, "global_description"), "required for a global node"
        if described and node.get("global") is not True:
            yield ("nodes", place, "global_description"), "only for a global node"
        if node.get("voice") is not None and node.get("tts_config") is not None:
            yield ("nodes", place, "voice"), "either voice or tts_config, not both"


def _edge_problems(edge: _Edge, graph: _Graph) -> Iterator[Problem]:
    for member, node_id in (("from", edge.start), ("to", edge.end)):
        if node_id not in graph.nodes:
            yield ("edges", edge.place, member), "names no node"
    if edge.start == edge.end:
        yield ("edges", edge.place), "must not lead back to its own node"
    source = graph.nodes.get(edge.start)
    if source is None:
        return
    if source.kind not in _LEADING_ON:
        yield ("edges", edge.place, "from"), f"a node of type {source.kind[:20]} has no outgoing edges"
    if source.kind == "conversation" and not edge.described:
        yield ("edges", edge.place, "description"), "required on an edge from a conversation node"


def _repeated_edges(graph: _Graph) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for edge in graph.edges:
        if (edge.start, edge.end) in seen:
            yield ("edges", edge.place), "another edge joins the same two nodes"
        seen.add((edge.start, edge.end))


def _tool_exits(graph: _Graph) -> Iterator[Problem]:
    exits = Counter(edge.start for edge in graph.edges)
    for node in graph.nodes.values():
        if node.kind == "tool" and exits[node.id] != 1:
            yield ("nodes", node.place), f"a tool node has exactly one outgoing edge, this one {exits[node.id]}"


def _entry_problems(entry: Any, graph: _Graph) -> Iterator[Problem]:
    if not isinstance(entry, str):
        return
    node = graph.nodes.get(entry)
    if node is None:
        yield ("entry_node",), "names no node"
    elif node.kind != "conversation":
        yield ("entry_node",), "must be a conversation node"


def _unreachable(entry: Any, graph: _Graph) -> Iterator[Problem]:
    if not isinstance(entry, str):
        return
    ends: dict[str, list[str]] = {}
    for edge in graph.edges:
        ends.setdefault(edge.start, []).append(edge.end)
    reached: set[str] = set()
    waiting = [entry, *(node.id for node in graph.nodes.values() if node.is_global)]
    while waiting:
        node_id = waiting.pop()
        if node_id not in reached:
            reached.add(node_id)
            waiting += ends.get(node_id, [])
    for node in sorted(graph.nodes.values(), key=lambda n: n.place):
        if node.id not in reached:
            yield ("nodes", node.place), "cannot be reached from the entry node"
