"""Nothing personal passes from the SIP stack's log into ours."""

import logging

import pytest

from media.telephony import stack_log
from media.telephony.stack_log import LINES_PER_SECOND, LineLimit, forward_stack_log, without_identities


@pytest.mark.parametrize(
    "line",
    [
        "ua: no laddr for sip:+31612345678@192.0.2.1",
        'call: from "A" <sip:jane.doe@example.com> to +31201234567',
        "auth failed for +31 (0)20-1234567".replace(" ", ""),
    ],
)
def test_numbers_and_addresses_are_taken_out(line: str) -> None:
    cleaned = without_identities(line)
    assert "612345678" not in cleaned
    assert "jane" not in cleaned
    assert "1234567" not in cleaned


def test_plain_words_and_short_codes_stay() -> None:
    assert without_identities("call: reject with 486 Busy Here [111]") == "call: reject with 486 Busy Here [111]"


def test_lines_beyond_the_limit_of_a_second_are_dropped() -> None:
    now = [5.0]
    limit = LineLimit(lambda: now[0])
    assert [limit.admits() for _ in range(LINES_PER_SECOND + 3)].count(True) == LINES_PER_SECOND
    now[0] = 6.0
    assert limit.admits()


def test_a_flood_of_warnings_is_cut_and_an_error_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    for level in ("warning", "error"):
        monkeypatch.setattr(stack_log.logger, level, lambda message, level=level, **_: written.append(level))
    stack = logging.getLogger("baresip")
    kept = stack.handlers[:], stack.propagate, stack.level
    try:
        forward_stack_log()
        for _ in range(100):
            stack.getChild("native").warning("call: sipsess_accept: Bad message")
        stack.getChild("runtime").error("command queue full")
    finally:
        stack.handlers[:], stack.propagate = kept[0], kept[1]
        stack.setLevel(kept[2])
    assert written.count("error") == 1
    assert LINES_PER_SECOND <= written.count("warning") <= 3 * LINES_PER_SECOND
