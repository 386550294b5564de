"""The committed openings: machines are known, people are not taken for one. None of them is a pattern's source."""

from pathlib import Path

import pytest

from media.conversation.machine_speech import is_machine_speech
from media.conversation.voicemail_phrases import MACHINES
from sovereign.catalog.languages import LANGUAGES

SAMPLES = Path(__file__).parents[2] / "samples" / "openings"


def lines(name: str) -> list[tuple[str, str]]:
    entries = (line.split("|", 1) for line in (SAMPLES / f"{name}.txt").read_text().splitlines())
    return [(language, text) for language, text in entries]


GREETINGS, PEOPLE = lines("greetings"), lines("people")


def test_nearly_all_greetings_are_known_as_a_machine() -> None:
    missed = [text for _, text in GREETINGS if not is_machine_speech(text)]
    assert len(GREETINGS) == 60
    assert len(missed) <= 0.05 * len(GREETINGS), missed


def test_nobody_is_taken_for_a_machine() -> None:
    taken = [text for _, text in PEOPLE if is_machine_speech(text)]
    assert len(PEOPLE) == 60
    assert len(taken) <= 0.02 * len(PEOPLE), taken


def test_every_promised_language_is_in_the_sets_and_the_patterns() -> None:
    promised = {"en", "nl", "de", "fr", "es", "it", "pt", "pl", "ru", "ja"}
    assert promised == {language for language, _ in GREETINGS} == {language for language, _ in PEOPLE}
    assert promised == set(MACHINES) == set(LANGUAGES[1:11])


@pytest.mark.parametrize("upto", [0.5, 0.7, 0.9])
def test_the_beginnings_of_what_people_say_are_no_machine_either(upto: float) -> None:
    """Interim transcripts are cut anywhere."""
    cut = [text[: int(len(text) * upto)] for _, text in PEOPLE]
    taken = [text for text in cut if is_machine_speech(text)]
    assert len(taken) <= 0.02 * len(cut), taken


WORDS = "message beep voicemail tone bericht piep Nachricht mensaje messaggio recado wiadomość сообщение メッセージ"


@pytest.mark.parametrize("word", [*WORDS.split(), ""])
def test_a_single_word_never_counts(word: str) -> None:
    assert not is_machine_speech(word)
    assert not is_machine_speech(f"{word}?")


def test_punctuation_case_and_accents_make_no_difference() -> None:
    assert is_machine_speech("PLEASE, LEAVE A MESSAGE!")
    assert is_machine_speech("apres le signal, laissez un message")
    assert is_machine_speech("Après le signal… laissez un message")
