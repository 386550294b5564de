"""The rules of a definition, each alone and all at once."""

from collections.abc import Callable
from typing import Any

import pytest

from sovereign.catalog.problems import validate
from sovereign.kernel.errors import InvalidRequestError
from sovereign.workflows import WorkflowSettings
from tests.unit.workflows.definitions import reception

Change = Callable[[dict[str, Any]], object]


def details(definition: Any) -> list[str]:
    with pytest.raises(InvalidRequestError) as refused:
        validate(WorkflowSettings, {"name": "W", "definition": definition})
    return refused.value.details


def test_reception_is_valid_and_comes_back_as_it_was_sent() -> None:
    settings = validate(WorkflowSettings, {"name": "W", "definition": reception()})
    assert settings.definition.stored() == reception()


def node(index: int, **members: Any) -> Change:
    return lambda d: d["nodes"][index].update(members)


def edge(index: int, **members: Any) -> Change:
    return lambda d: d["edges"][index].update(members)


def without(index: int, member: str) -> Change:
    return lambda d: d["nodes"][index].pop(member)


REALTIME = {"provider": "xai_realtime", "model": "grok-voice-think-fast-2.0"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda d: d.update(version=2), "definition.version"),
        (lambda d: d.pop("version"), "definition.version"),
        (lambda d: d.update(surprise=1), "definition.surprise"),
        (lambda d: d.update(entry_node="nobody"), "definition.entry_node"),
        (lambda d: d.update(entry_node="goodbye"), "definition.entry_node"),
        (lambda d: d.update(nodes="none"), "definition.nodes"),
        (node(0, id="Reception"), "definition.nodes[0].id"),
        (node(0, id="1st"), "definition.nodes[0].id"),
        (node(3, id="g" * 42), "definition.nodes[3].id"),
        (node(3, id="desk"), "definition.nodes[3].id"),
        (node(3, type="loop"), "definition.nodes[3].type"),
        (without(3, "type"), "definition.nodes[3].type"),
        (without(0, "instructions"), "definition.nodes[0].instructions"),
        (node(3, instructions="no"), "definition.nodes[3].instructions"),
        (without(4, "global_description"), "definition.nodes[4].global_description"),
        (node(0, global_description="why"), "definition.nodes[0].global_description"),
        (node(4, llm_config=REALTIME), "definition.nodes[4].llm_config.provider"),
        (node(4, llm_config={"provider": "openai"}), "definition.nodes[4].llm_config.model"),
        (node(4, llm_config={"provider": "openai", "model": "gpt-2"}), "definition.nodes[4].llm_config.model"),
        (node(4, llm_config={"provider": "acme", "model": "m"}), "definition.nodes[4].llm_config.provider"),
        (
            node(4, llm_config={"provider": "openai", "model": "gpt-5", "temperature": 3}),
            "definition.nodes[4].llm_config.temperature",
        ),
        (
            node(4, llm_config={"provider": "openai", "model": "gpt-5", "surprise": 3}),
            "definition.nodes[4].llm_config.surprise",
        ),
        (node(0, voice="heart", tts_config={"provider": "local", "voice_id": "heart"}), "definition.nodes[0].voice"),
        (node(0, tts_config={"provider": "local", "voice_id": "nobody"}), "definition.nodes[0].tts_config.voice_id"),
        (node(0, stt_config={"provider": "local"}), "definition.nodes[0].stt_config.model"),
        (node(0, tools=[{"name": "a b", "description": ""}]), "definition.nodes[0].tools[0].name"),
        (node(0, tools=[{"name": "a", "description": ""}] * 2), "definition.nodes[0].tools"),
        (node(1, tool_name="check slot"), "definition.nodes[1].tool_name"),
        (without(1, "tool_name"), "definition.nodes[1].tool_name"),
        (node(1, url="http://169.254.169.254/latest"), "definition.nodes[1].url"),
        (node(1, arguments={"text": "x" * 9000}), "definition.nodes[1].arguments"),
        (node(2, destination="0850835037"), "definition.nodes[2].destination"),
        (node(2, destination="+31900123456"), "definition.nodes[2].destination"),
        (node(2, destination="+31112"), "definition.nodes[2].destination"),
        (without(2, "destination"), "definition.nodes[2].destination"),
        (edge(0, to="nobody"), "definition.edges[0].to"),
        (edge(0, **{"from": "nobody"}), "definition.edges[0].from"),
        (edge(2, to="reception"), "definition.edges[2]"),
        (edge(0, to="desk"), "definition.edges[2]"),
        (edge(0, description=None), "definition.edges[0].description"),
        (edge(0, label="x"), "definition.edges[0].label"),
        (
            lambda d: d["edges"].append({"from": "goodbye", "to": "reception", "description": "x"}),
            "definition.edges[3].from",
        ),
        (
            lambda d: d["edges"].append({"from": "desk", "to": "goodbye", "description": "x"}),
            "definition.edges[3].from",
        ),
        (lambda d: d["edges"].append({"from": "check", "to": "desk"}), "definition.nodes[1]"),
        (lambda d: d["edges"].pop(1), "definition.nodes[1]"),
        (lambda d: d["edges"].pop(2), "definition.nodes[2]"),
    ],
)
def test_broken_rule_is_named_by_its_path(change: Change, path: str) -> None:
    definition = reception()
    change(definition)
    assert path in [detail.split(": ")[0] for detail in details(definition)]


def test_every_problem_is_named_at_once() -> None:
    definition = reception()
    definition["entry_node"] = "nobody"
    definition["nodes"][0].pop("instructions")
    definition["nodes"][2]["destination"] = "123"
    definition["nodes"][4]["llm_config"] = REALTIME
    definition["edges"][0]["to"] = "nowhere"
    definition["edges"][1]["from"] = "goodbye"
    paths = {detail.split(": ")[0] for detail in details(definition)}
    assert paths >= {
        "definition.entry_node",
        "definition.nodes[0].instructions",
        "definition.nodes[1]",
        "definition.nodes[2].destination",
        "definition.nodes[4].llm_config.provider",
        "definition.edges[0].to",
        "definition.edges[1].from",
    }


def test_realtime_provider_has_the_documented_detail() -> None:
    definition = reception()
    definition["nodes"][4]["llm_config"] = REALTIME
    assert details(definition) == ["definition.nodes[4].llm_config.provider: realtime_provider_not_allowed_per_node"]


@pytest.mark.parametrize(
    "definition", [None, [], "x", 5, {}, {"nodes": [None], "edges": [3]}, {"nodes": {}, "edges": {}}]
)
def test_garbage_is_refused_with_details(definition: Any) -> None:
    assert details(definition)


def test_nodes_behind_a_global_node_are_reached() -> None:
    definition = reception()
    definition["edges"][2] = {"from": "help", "to": "desk", "description": "The caller asks for a person."}
    assert validate(WorkflowSettings, {"name": "W", "definition": definition})


def test_two_nodes_that_only_reach_each_other_are_refused() -> None:
    definition = reception()
    for one, other in (("left", "right"), ("right", "left")):
        definition["nodes"].append({"id": one, "type": "conversation", "instructions": "x"})
        definition["edges"].append({"from": one, "to": other, "description": "x"})
    assert [detail.split(": ")[0] for detail in details(definition)] == ["definition.nodes[5]", "definition.nodes[6]"]


def test_long_chain_is_no_problem() -> None:
    nodes = [{"id": f"n{i}", "type": "conversation", "instructions": "x"} for i in range(2000)]
    edges = [{"from": f"n{i}", "to": f"n{i + 1}", "description": "x"} for i in range(1999)]
    definition = {"version": 1, "entry_node": "n0", "nodes": nodes, "edges": edges}
    assert validate(WorkflowSettings, {"name": "W", "definition": definition})


def test_members_without_effect_are_warned_about() -> None:
    definition = reception()
    definition["nodes"][4]["llm_config"]["messages"] = []
    definition["nodes"][4]["stt_config"] = {
        "provider": "local",
        "model": "moonshine-base-en",
        "language": "en",
        "keyterms": [],
    }
    settings = validate(WorkflowSettings, {"name": "W", "definition": definition})
    assert settings.definition.warnings == [
        "definition.nodes[4].llm_config.messages: has no effect on a node",
        "definition.nodes[4].stt_config.keyterms: has no effect on a node",
    ]
    assert "messages" not in settings.definition.stored()["nodes"][4]["llm_config"]
