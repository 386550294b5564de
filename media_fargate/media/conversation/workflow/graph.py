"""The graph a call walks: which transitions a node offers, and where the conversation stands. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sovereign.workflows.definition import Definition
from sovereign.workflows.nodes import ConversationNode, Edge, Node, ToolNode

BACK = "go_back"
_BACK_DESCRIPTION = "What the caller needed here is settled: return to where the conversation was before."


@dataclass(frozen=True)
class Transition:
    """A way on, as the model is offered it: a function named `name`. `message` is spoken on the way.

    `remembers`: the node it leaves is returned to by `go_back` (the way into a global node).
    """

    name: str
    target: str
    description: str
    message: str | None = None
    remembers: bool = False


@dataclass(frozen=True)
class Position:
    """The conversation node the call is in, and the one a global node was entered from."""

    node: ConversationNode
    back_to: str | None = None


class Graph:
    """A definition that was validated when it was saved."""

    def __init__(self, definition: Definition) -> None:
        self._nodes = {node.id: node for node in definition.nodes}
        self._edges = definition.edges
        self._global_prompt = definition.global_prompt
        self.start = Position(self._conversation(definition.entry_node))

    @property
    def nodes(self) -> Iterable[Node]:
        """All nodes."""
        return self._nodes.values()

    def node(self, node_id: str) -> Node:
        """A node by its id."""
        return self._nodes[node_id]

    def instructions(self, node: ConversationNode) -> str:
        """What the model is told in a node."""
        return "\n\n".join(part for part in (self._global_prompt, node.instructions) if part)

    def transitions(self, position: Position, taken: Iterable[str] = ()) -> list[Transition]:
        """The ways on from here: edges, global nodes, and back out of one; no name is one of those `taken`."""
        names = set(taken)
        found: list[Transition] = []
        for way in self._ways(position):
            name = way.name
            while name in names:
                name = f"{name}_"
            names.add(name)
            found.append(replace(way, name=name))
        return found

    def exit(self, node: ToolNode) -> Edge:
        """The only edge out of a tool node."""
        return next(edge for edge in self._edges if edge.start == node.id)

    def entered(self, position: Position, transition: Transition, node: ConversationNode) -> Position:
        """Where the call stands after it went from `position` by a transition, perhaps over other nodes, to `node`."""
        back_to = position.node.id if transition.remembers and node.id == transition.target else None
        return Position(node, back_to)

    def _ways(self, position: Position) -> Iterator[Transition]:
        here = position.node
        reached = {here.id}
        for edge in self._edges:
            if edge.start == here.id:
                reached.add(edge.to)
                yield Transition(f"go_to_{edge.to}", edge.to, edge.description or "", edge.message)
        for node in self._nodes.values():
            if isinstance(node, ConversationNode) and node.is_global and node.id not in reached:
                yield Transition(f"go_to_{node.id}", node.id, node.global_description or "", remembers=True)
        if position.back_to is not None and position.back_to not in reached:
            yield Transition(BACK, position.back_to, _BACK_DESCRIPTION)

    def _conversation(self, node_id: str) -> ConversationNode:
        node = self._nodes[node_id]
        if not isinstance(node, ConversationNode):
            raise TypeError("a conversation begins in a conversation node")
        return node
