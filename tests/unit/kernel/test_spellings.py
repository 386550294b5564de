"""Deprecated spellings."""

import pytest

from sovereign.kernel.spellings import DifferingSpellingsError, canonical_word, unify_spellings


@pytest.mark.parametrize(
    ("given", "names", "unified"),
    [
        ({"agent_id": 1}, {"assistant_id"}, {"assistant_id": 1}),
        ({"assistant_id": 1}, {"agent_id"}, {"agent_id": 1}),
        ({"agent": 1}, {"assistant"}, {"assistant": 1}),
        ({"agent_config": 1, "agent": 1}, {"assistant"}, {"assistant": 1}),
        ({"endCall": 1, "other": 2}, {"end_call"}, {"end_call": 1, "other": 2}),
        ({"agent_id": 1}, {"name"}, {"agent_id": 1}),
        ({"agent_id": 1, "assistant_id": 2}, {"agent_id", "assistant_id"}, {"agent_id": 1, "assistant_id": 2}),
    ],
)
def test_synonym_takes_the_name_the_model_knows(given: dict, names: set, unified: dict) -> None:
    assert unify_spellings(given, names) == unified


def test_differing_spellings_are_refused() -> None:
    with pytest.raises(DifferingSpellingsError, match="agent_id and assistant_id"):
        unify_spellings({"agent_id": 1, "assistant_id": 2}, {"assistant_id"})


def test_words_have_one_spelling() -> None:
    assert [canonical_word(w) for w in ("endCall", "transferCall", "function", 3)] == [
        "end_call",
        "transfer_call",
        "function",
        3,
    ]
