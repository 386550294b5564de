"""When a call's jitter buffer is emptied; the library's part of it is in tests/media/sip/test_hostile.py."""

from ipaddress import ip_address

import pytest

from media.telephony import sequence_jumps
from media.telephony.native_calls import Media, Source
from media.telephony.sequence_jumps import SequenceJumps

CALL = 7


def media(packets: int, late: int) -> Media:
    return Media(1, 2, Source(ip_address("192.0.2.7"), 4000), packets, late)


@pytest.fixture
def emptied(monkeypatch: pytest.MonkeyPatch) -> list[Media]:
    found: list[Media] = []
    monkeypatch.setattr(sequence_jumps, "empty_buffer", found.append)
    return found


def test_call_of_which_everything_is_thrown_away_is_begun_anew(emptied: list[Media]) -> None:
    jumps = SequenceJumps()
    for packets, late in ((100, 3), (125, 3), (150, 27), (175, 27)):
        jumps.look({CALL: media(packets, late)})
    assert [m.packets for m in emptied] == [150]


def test_bad_line_few_packets_and_another_call_at_the_same_place_are_no_jump(emptied: list[Media]) -> None:
    jumps = SequenceJumps()
    for packets, late in ((100, 0), (125, 20), (150, 40), (155, 45), (20, 20), (45, 20)):
        jumps.look({CALL: media(packets, late)})
    assert emptied == []


def test_looks_close_together_see_a_jump_too(emptied: list[Media]) -> None:
    jumps = SequenceJumps()
    for packets in range(100, 121, 4):
        jumps.look({CALL: media(packets, packets)})
    assert len(emptied) == 1
