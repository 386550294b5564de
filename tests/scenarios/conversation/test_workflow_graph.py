"""The graph a call walks, without a call."""

from typing import Any

import pytest

from media.conversation.workflow.graph import Graph, Position
from sovereign.workflows import WorkflowSettings
from sovereign.workflows.nodes import ConversationNode


def graph(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], **definition: Any) -> Graph:
    given = {"version": 1, "entry_node": nodes[0]["id"], "nodes": nodes, "edges": edges, **definition}
    return Graph(WorkflowSettings(name="w", definition=given).definition)  # type: ignore[arg-type]  # read as sent


def talk(node_id: str, **members: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "conversation", "instructions": f"Be {node_id}.", **members}


def way(start: str, to: str, **members: Any) -> dict[str, Any]:
    return {"from": start, "to": to, "description": f"to {to}", **members}


def names(found: Graph, position: Position | None = None, taken: tuple[str, ...] = ()) -> list[str]:
    return [transition.name for transition in found.transitions(position or found.start, taken)]


def at(found: Graph, node_id: str, back_to: str | None = None) -> Position:
    node = found.node(node_id)
    assert isinstance(node, ConversationNode)
    return Position(node, back_to)


HELP = talk("help", **{"global": True, "global_description": "The caller is lost."})


def test_edges_are_offered_with_their_description_and_message() -> None:
    found = graph([talk("a"), talk("b")], [way("a", "b", message="Right away.")])
    (transition,) = found.transitions(found.start)
    assert (transition.name, transition.target) == ("go_to_b", "b")
    assert (transition.description, transition.message) == ("to b", "Right away.")


def test_a_global_node_is_offered_everywhere_but_in_itself() -> None:
    found = graph([talk("a"), talk("b"), HELP], [way("a", "b")])
    assert names(found) == ["go_to_b", "go_to_help"]
    assert names(found, at(found, "b")) == ["go_to_help"]
    assert names(found, at(found, "help")) == []


def test_an_edge_to_a_global_node_is_offered_once() -> None:
    found = graph([talk("a"), HELP], [way("a", "help")])
    (transition,) = found.transitions(found.start)
    assert transition.description == "to help"


def test_a_global_node_leads_back_to_where_it_was_entered_from() -> None:
    found = graph([talk("a"), HELP], [])
    (into,) = found.transitions(found.start)
    help_node = found.node("help")
    assert isinstance(help_node, ConversationNode)
    inside = found.entered(found.start, into, help_node)
    assert [(t.name, t.target) for t in found.transitions(inside)] == [("go_back", "a")]


def test_an_edge_leaves_no_way_back() -> None:
    found = graph([talk("a"), talk("b")], [way("a", "b")])
    (on,) = found.transitions(found.start)
    node = found.node("b")
    assert isinstance(node, ConversationNode)
    assert names(found, found.entered(found.start, on, node)) == []


def test_a_name_the_tools_have_is_not_taken_twice() -> None:
    found = graph([talk("a"), talk("b")], [way("a", "b")])
    assert names(found, taken=("go_to_b", "go_to_b_")) == ["go_to_b__"]


@pytest.mark.parametrize(("prompt", "told"), [("Be brief.", "Be brief.\n\nBe a."), (None, "Be a.")])
def test_the_global_prompt_comes_before_the_instructions(prompt: str | None, told: str) -> None:
    extra = {"global_prompt": prompt} if prompt else {}
    found = graph([talk("a")], [], **extra)
    assert found.instructions(found.start.node) == told
