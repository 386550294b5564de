"""Lets a call's RTP port hear only the far end's media, once it is sure where they come from.

The library takes RTP from everybody: a stranger who found the port could speak in the call, and packets with other
sequence numbers would make its jitter buffer drop the caller's. So the kernel drops what does not come from the
address and port the far end announced. Some far ends send from another port or address than they announce: a filter
that lets nothing through is widened again within half a second.
"""

import ctypes
import enum
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping

from aws_lambda_powertools import Logger

from media.telephony.native_calls import Media, Source

__all__ = ["MediaSources", "SourceWatch", "Width", "filter_program"]

FLOWING_PACKETS = 5
"""So many have to come before a filter is tried, and again to prove it: half a second's even at 60 ms a packet."""
TRIAL_SECONDS = 0.5
STALL_SECONDS = 1.0
"""A proven filter that lets nothing through any more is taken away after this time: the far end may have moved."""
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_LOAD_HALF, _LOAD_WORD, _EQUALS, _RETURN = 0x28, 0x20, 0x15, 0x06
_NETWORK_HEADER = 0xFFF00000

logger = Logger(child=True)


class Width(enum.Enum):
    """Whose packets are let through."""

    PORT = "the announced address and port"
    ADDRESS = "the announced address"
    ANY = "everybody"


class SourceWatch:
    """Decides for one announced source which filter its call's socket has."""

    def __init__(self, announced: Source, packets: int, now: float) -> None:
        self.announced = announced
        self.width = Width.ANY
        self._to_try = [Width.PORT, Width.ADDRESS]
        self._proven = False
        self._packets, self._since, self._seen = packets, now, packets

    def step(self, packets: int, now: float) -> bool:
        """Take note of how many packets have come; whether `width` has changed."""
        before, grown = self.width, packets - self._packets
        if packets != self._seen:
            self._seen = packets
            if self._proven:
                self._since = now
        if self.width is Width.ANY:
            if self._to_try and grown >= FLOWING_PACKETS:
                self._change(self._to_try[0], packets, now)
        elif not self._proven and grown >= FLOWING_PACKETS:
            self._proven, self._since = True, now
        elif not self._proven and now - self._since >= TRIAL_SECONDS:
            self._to_try.pop(0)
            self._change(self._to_try[0] if self._to_try else Width.ANY, packets, now)
        elif self._proven and now - self._since >= STALL_SECONDS:
            self._change(Width.ANY, packets, now)
        return self.width is not before

    def _change(self, width: Width, packets: int, now: float) -> None:
        self.width, self._proven = width, False
        self._packets, self._since, self._seen = packets, now, packets


class MediaSources:
    """Keeps the filters of all calls. `look` is to be called on the library's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watches: dict[int, SourceWatch] = {}

    def look(self, calls: Mapping[int, Media]) -> None:
        """Narrow or widen what each call hears."""
        if sys.platform == "linux":
            self._watches = {call: self._watch(call, media) for call, media in calls.items()}

    def _watch(self, call: int, media: Media) -> SourceWatch:
        watch, now = self._watches.get(call), self._clock()
        if watch is None or watch.announced != media.announced:
            if watch and watch.width is not Width.ANY:
                self._set_filter(media, Width.ANY)
            return SourceWatch(media.announced, media.packets, now)
        if watch.step(media.packets, now):
            self._set_filter(media, watch.width)
        return watch

    @staticmethod
    def _set_filter(media: Media, width: Width) -> None:
        try:
            _attach(media, width)
        except OSError as failed:  # e.g. a kernel without filters: the call is heard as it was
            logger.warning("media_source_not_filtered", error=failed.strerror)


def _attach(media: Media, width: Width) -> None:
    # a descriptor of our own, so that closing this object leaves the library's open
    with socket.fromfd(media.descriptor, socket.AF_INET, socket.SOCK_DGRAM) as rtp:
        if width is Width.ANY:
            rtp.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            return
        code = filter_program(media.announced, width)
        program = ctypes.create_string_buffer(code, len(code))
        description = struct.pack("@HP", len(code) // 8, ctypes.addressof(program))
        rtp.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, description)


def filter_program(announced: Source, width: Width) -> bytes:
    """Classic BPF over a UDP datagram: all of it for the announced source, nothing of any other."""
    packed = announced.address.packed
    at = _NETWORK_HEADER + (12 if len(packed) == 4 else 8)
    wanted = [
        (_LOAD_WORD, at + place, int.from_bytes(packed[place : place + 4], "big")) for place in range(0, len(packed), 4)
    ]
    if width is Width.PORT:
        wanted.insert(0, (_LOAD_HALF, 0, announced.port))
    steps: list[tuple[int, int, int, int]] = []
    for place, (load, offset, value) in enumerate(wanted):
        to_the_last = 2 * (len(wanted) - place - 1) + 1
        steps += [(load, 0, 0, offset), (_EQUALS, 0, to_the_last, value)]
    steps += [(_RETURN, 0, 0, 0xFFFFFFFF), (_RETURN, 0, 0, 0)]
    return b"".join(struct.pack("@HBBI", *step) for step in steps)
