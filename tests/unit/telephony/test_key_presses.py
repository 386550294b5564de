"""Key presses out of the stack's begins and ends; the packets themselves are in tests/media/sip."""

from media.telephony.key_presses import KeyPresses


def told(*events: tuple[float, str]) -> str:
    """The keys heard: events are moments with a key that begins, or "" for an end."""
    presses, heard = KeyPresses(), ""
    for at, key in events:
        if key:
            heard += key if presses.began(key, at) else ""
        else:
            heard += presses.ended(at) or ""
    return heard


def test_a_press_is_told_as_it_begins() -> None:
    assert told((0.0, "5")) == "5"


def test_the_same_key_again_is_another_press() -> None:
    assert told((0.0, "5"), (0.1, ""), (0.15, "5"), (0.25, "")) == "55"


def test_another_key_right_after_an_end_is_a_press() -> None:
    assert told((0.0, "5"), (0.1, ""), (0.11, "6"), (0.2, "")) == "56"


def test_an_update_after_the_end_is_no_press() -> None:
    assert told((0.0, "5"), (0.1, ""), (0.12, "5"), (0.14, "")) == "5"
    assert told((0.0, "5"), (0.1, ""), (0.12, "5"), (0.14, ""), (0.3, "5"), (0.4, "")) == "55"


def test_two_updates_after_the_end_are_no_press() -> None:
    assert told((0.0, "5"), (0.1, ""), (0.11, "5"), (0.12, ""), (0.13, "5"), (0.14, "")) == "5"


def test_a_press_the_stack_hides_behind_a_late_update_is_told_at_its_end() -> None:
    assert told((0.0, "5"), (0.1, ""), (0.12, "5"), (0.5, "")) == "55"
    assert told((0.0, "5"), (0.1, ""), (0.12, "5"), (0.5, ""), (0.6, "5"), (0.7, "")) == "555"


def test_an_end_without_a_press_is_nothing() -> None:
    assert told((0.0, "")) == ""
    assert told((0.0, "5"), (0.1, ""), (0.5, "")) == "5"
