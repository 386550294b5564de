"""What the small language model may say, and what is left of it when it says something else."""

import pytest

from media.speech.local.dialogue.small_talk import first_sentence, may_be_said


@pytest.mark.parametrize(
    "sentence",
    [
        "I'm doing well, thank you for asking!",
        "It's normal to feel this way.",
        "That sounds tiring, I hope you can rest soon.",
        "What a wonderful new year!",
        "Cats always find the best places, don't they?",
    ],
)
def test_friendly_words_may_be_said(sentence: str) -> None:
    assert may_be_said(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "I'm Dr. Elena, a doctor.",
        "I'm a dentist, and I love it!",
        "My name is Elena.",
        "A cleaning is 40 euros.",
        "It costs forty euros.",
        "We are open on Saturday.",
        "Come by on Saturdays!",
        "That's free of charge.",
        "I'll just grab you a sandwich.",
        "I\u2019ll see you tomorrow.",
        "I can book that.",
        "You can order by calling me.",
        "Let me check.",
        "Our team is great.",
        "I have heard of a client named Sarah.",
        "Take a pill and rest.",
        "Of course I'm human!",
        "See www.example.com!",
        "*smiles*",
    ],
)  # fmt: skip
def test_facts_promises_names_and_roles_are_not_said(sentence: str) -> None:
    assert not may_be_said(sentence)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ("", None),
        ("I am doing", None),
        ("I am doing well!", "I am doing well!"),
        ("Well. And you", "Well."),
        ("Dr. Who", None),
    ],
)
def test_only_a_complete_sentence_is_taken(made: str, sentence: str | None) -> None:
    assert first_sentence(made) == sentence
