"""When a call's RTP port listens to whom. The kernel's side of it is in tests/media/sip/test_hostile.py."""

import struct
from ipaddress import ip_address

import pytest

from media.telephony.media_sources import STALL_SECONDS, TRIAL_SECONDS, SourceWatch, Width, filter_program
from media.telephony.native_calls import Source

ANNOUNCED = Source(ip_address("192.0.2.7"), 4000)


class Flow:
    """A watch in a time of its own, stepped every half second."""

    def __init__(self) -> None:
        self.now, self.packets = 100.0, 0
        self.watch = SourceWatch(ANNOUNCED, 0, self.now)

    def pass_on(self, packets: int, seconds: float = TRIAL_SECONDS) -> Width:
        self.now += seconds
        self.packets += packets
        self.watch.step(self.packets, self.now)
        return self.watch.width


def test_port_is_open_until_media_flow_and_then_narrowed_for_good() -> None:
    flow = Flow()
    assert flow.pass_on(0) is Width.ANY
    assert flow.pass_on(25) is Width.PORT
    assert [flow.pass_on(25) for _ in range(100)] == [Width.PORT] * 100


def test_filter_that_stops_everything_is_widened_step_by_step_and_not_tried_again() -> None:
    flow = Flow()
    assert flow.pass_on(25) is Width.PORT
    assert flow.pass_on(1) is Width.ADDRESS
    assert flow.pass_on(0) is Width.ANY
    assert [flow.pass_on(25) for _ in range(100)] == [Width.ANY] * 100


def test_far_end_that_sends_from_another_port_is_held_to_its_address() -> None:
    flow = Flow()
    assert flow.pass_on(25) is Width.PORT
    assert flow.pass_on(0) is Width.ADDRESS
    assert [flow.pass_on(25) for _ in range(100)] == [Width.ADDRESS] * 100


def test_far_end_that_falls_silent_is_heard_from_anywhere_and_held_again_when_it_is_back() -> None:
    flow = Flow()
    assert [flow.pass_on(25), flow.pass_on(25)] == [Width.PORT] * 2
    assert flow.pass_on(0, STALL_SECONDS) is Width.ANY
    assert flow.pass_on(25) is Width.PORT
    assert flow.pass_on(25) is Width.PORT


def test_a_look_too_early_changes_nothing() -> None:
    flow = Flow()
    assert flow.pass_on(25) is Width.PORT
    assert flow.pass_on(0, TRIAL_SECONDS / 10) is Width.PORT
    assert flow.pass_on(25) is Width.PORT


def lets_through(program: bytes, network: bytes, transport: bytes) -> bool:
    """Run the few instructions there are, as the kernel would."""
    steps = list(struct.iter_unpack("@HBBI", program))
    at, register = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        match code:
            case 0x06:
                return bool(value)
            case 0x15:
                at += yes if register == value else no
            case 0x28:
                register = int.from_bytes(transport[value : value + 2], "big")
            case _:
                place = value - 0xFFF00000
                register = int.from_bytes(network[place : place + 4], "big")


@pytest.mark.parametrize("announced", ["192.0.2.7", "2001:db8::7"])
@pytest.mark.parametrize(
    ("same_address", "same_port", "heard"),
    [
        (True, True, {Width.PORT, Width.ADDRESS}),
        (True, False, {Width.ADDRESS}),
        (False, True, set()),
        (False, False, set()),
    ],
)
def test_filter_hears_the_announced_source_only(
    announced: str, same_address: bool, same_port: bool, heard: set[Width]
) -> None:
    source = Source(ip_address(announced), 4000)
    packed = source.address.packed if same_address else (source.address + 1).packed
    network = bytes(12 if len(packed) == 4 else 8) + packed
    transport = struct.pack("!HH", 4000 if same_port else 4001, 9)
    widths = {
        width
        for width in (Width.PORT, Width.ADDRESS)
        if lets_through(filter_program(source, width), network, transport)
    }
    assert widths == heard
