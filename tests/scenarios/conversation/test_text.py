"""Sentences, phrases, pronunciation and backchannels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.conversation.backchannels import is_assent, is_backchannel
from media.conversation.sentences import Pronunciation, SentenceSplitter, contains_phrase, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("At 3.30 we close. Bye", ["At 3.30 we close.", "Bye"]),
        ("Dr. Smith and Mrs. Jones are here. Yes.", ["Dr. Smith and Mrs. Jones are here.", "Yes."]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Well... maybe.", ["Well...", "maybe."]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("今日は。元気ですか？", ["今日は。", "元気ですか？"]),  # noqa: RUF001
        ("We open at 9 a.m. on Monday. OK.", ["We open at 9 a.m. on Monday.", "OK."]),
        ("   ", []),
        ("", []),
    ],
)
def test_text_is_cut_into_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(text=st.text(alphabet="ab .!?,\n。", max_size=600), step=st.integers(1, 20))
def test_streaming_loses_nothing_and_cuts_like_the_whole(text: str, step: int) -> None:
    splitter = SentenceSplitter()
    found = [sentence for at in range(0, len(text), step) for sentence in splitter.push(text[at : at + step])]
    found.append(splitter.rest())
    assert "".join("".join(found).split()) == "".join(text.split())


def test_text_without_any_stop_is_cut_before_it_gets_too_long() -> None:
    sentences = split_sentences("word, " * 100)
    assert all(len(sentence) <= 240 for sentence in sentences)


def test_replacements_are_literal_longest_first_and_made_once() -> None:
    spoken = Pronunciation([("A.B", "x"), ("A.B.C", "y"), ("x", "z")])
    assert spoken.apply("A.B.C A.B AxB x") == "y x AzB z"
    assert Pronunciation([]).apply("same") == "same"


@pytest.mark.parametrize("text", ["Have a GREAT day!", "so, have a great... day. Bye"])
def test_a_phrase_is_found_whatever_its_case_and_punctuation(text: str) -> None:
    assert contains_phrase(text, ["have a great day"])


def test_a_phrase_is_found_in_whole_words_only() -> None:
    assert not contains_phrase("goodbyes are hard", ["goodbye"])
    assert not contains_phrase("anything", ["..."])


@pytest.mark.parametrize("text", ["mhm", "Mm-hmm.", "Yeah, okay.", "uh-huh", "I see", "Got it!", "Ja"])
def test_listening_noises_are_backchannels(text: str) -> None:
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["", "no", "stop", "yes but wait", "3", "okay yeah right sure", "see it"])
def test_anything_else_is_not(text: str) -> None:
    assert not is_backchannel(text)


def test_only_an_assent_can_answer_a_question() -> None:
    assert is_assent("yes okay")
    assert not is_assent("mhm")
    assert not is_assent("yes please on Tuesday")
