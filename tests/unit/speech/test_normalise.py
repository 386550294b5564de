import pytest

from media.speech.local.normalise import spoken
from media.speech.local.numerals import cardinal, ordinal, value_of, year


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Call 020 123 4567.", "Call zero two zero, one two three, four five six seven."),
        ("+31 20 123 4567", "plus three one, two zero, one two three, four five six seven"),
        ("555-0123", "five five five, zero one two three"),
        ("24-03-2026", "March twenty-fourth, twenty twenty-six"),
        ("03/24/2026", "March twenty-fourth, twenty twenty-six"),
        ("2026-03-24", "March twenty-fourth, twenty twenty-six"),
        ("On March 24th, 2026.", "On March twenty-fourth, twenty twenty-six."),
        ("3 May and the 1st of June", "May third and the June first"),
        ("31-31-2026", "thirty-one to thirty-one to two thousand twenty-six"),
        ("at 15:30.", "at three thirty P M."),
        ("9:00-17:30", "nine o'clock to five thirty P M"),
        ("at 9.30, 3.75 kilo", "at nine thirty, three point seven five kilo"),
        ("8:30 AM to 5 pm", "eight thirty A M to five P M"),
        ("10:05", "ten oh five"),
        ("00:15", "zero fifteen"),
        ("12:00", "twelve o'clock"),
        ("25:00", "twenty-five:zero zero"),
        ("$45", "forty-five dollars"),
        ("€45.50", "forty-five euros and fifty cents"),
        ("€45.-", "forty-five euros"),
        ("EUR 1", "one euro"),
        ("£1,200.01", "one thousand two hundred pounds and one penny"),
        ("60 euros", "sixty euros"),
        ("20% of 1,250", "twenty percent of one thousand two hundred fifty"),
        ("3.5 stars", "three point five stars"),
        ("order 12345678", "order one two three four five six seven eight"),
        ("room 007, #42", "room zero zero seven, number four two"),
        ("the 2nd", "the second"),
        ("since 1985", "since nineteen eighty-five"),
        ("info@river-side.com", "info at river dash side dot com"),
        ("https://river.com/a", "river dot com slash a"),
        ("Salt & pepper, 9-17", "Salt and pepper, nine to seventeen"),
        ("Version A4 has no number to read.", "Version A4 has no number to read."),
        ("Nothing to change here.", "Nothing to change here."),
        ("", ""),
    ],
)  # fmt: skip
def test_written_forms_are_read_out_in_words(written: str, said: str) -> None:
    assert spoken(written) == said


def test_what_is_read_out_stays_as_it_is() -> None:
    once = spoken("On 24-03-2026 at 15:30 it costs €45.50, call 020 123 4567.")
    assert spoken(once) == once


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "zero"), (13, "thirteen"), (-5, "minus five"), (100, "one hundred"), (1_000_001, "one million one")],
)
def test_cardinal_names_the_number(number: int, words: str) -> None:
    assert cardinal(number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(1, "first"), (12, "twelfth"), (20, "twentieth"), (101, "one hundred first")]
)  # fmt: skip
def test_ordinal_names_the_rank(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(1900, "nineteen hundred"), (1905, "nineteen oh five"), (2000, "two thousand")]
)  # fmt: skip
def test_year_is_read_in_pairs(number: int, words: str) -> None:
    assert year(number) == words


@pytest.mark.parametrize("number", range(100))
def test_value_of_reads_what_cardinal_says(number: int) -> None:
    assert value_of(cardinal(number)) == number
    assert value_of(str(number)) == number


@pytest.mark.parametrize("words", ["", "hello", "twenty eleven", "five hundred"])
def test_value_of_knows_what_is_no_number_below_a_hundred(words: str) -> None:
    assert value_of(words) is None
