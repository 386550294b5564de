"""The SIP library's own calls, as its C functions show them. To be used on the library's thread only.

The Python binding has no way to them. What is relied on: two list structures, the functions named here, and that the
version is pinned by hash (decision 001).
"""

import ctypes
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from baresip import _native

__all__ = [
    "Media",
    "Source",
    "empty_buffer",
    "end_call",
    "library_calls",
    "media_of",
    "references_to",
    "take_reference",
]

_AF_INET, _AF_INET6 = 2, 10


class _Element(ctypes.Structure):
    """The library's `struct le`."""


_Element._fields_ = [
    ("previous", ctypes.c_void_p),
    ("next", ctypes.POINTER(_Element)),
    ("list", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
]


class _List(ctypes.Structure):
    """The library's `struct list`."""

    _fields_ = (("head", ctypes.POINTER(_Element)), ("tail", ctypes.c_void_p), ("count", ctypes.c_size_t))


def _function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    found = library[name]
    found.restype, found.argtypes = result, arguments
    return found


_quick = ctypes.PyDLL(_native.__file__)
"""Functions that only look: not worth giving up the interpreter's lock for."""
_agents = _function(_quick, "uag_list", ctypes.POINTER(_List))
_calls_of = _function(_quick, "ua_calls", ctypes.POINTER(_List), ctypes.c_void_p)
_references = _function(_quick, "mem_nrefs", ctypes.c_size_t, ctypes.c_void_p)
_refer_to = _function(_quick, "mem_ref", ctypes.c_void_p, ctypes.c_void_p)
_audio = _function(_quick, "call_audio", ctypes.c_void_p, ctypes.c_void_p)
_stream = _function(_quick, "audio_strm", ctypes.c_void_p, ctypes.c_void_p)
_stream_socket = _function(_quick, "stream_rtp_sock", ctypes.c_void_p, ctypes.c_void_p)
_udp_socket = _function(_quick, "rtp_sock", ctypes.c_void_p, ctypes.c_void_p)
_descriptor = _function(_quick, "udp_sock_fd", ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_remote = _function(_quick, "stream_raddr", ctypes.c_void_p, ctypes.c_void_p)
_received = _function(_quick, "stream_metric_get_rx_n_packets", ctypes.c_uint32, ctypes.c_void_p)
_flush = _function(_quick, "stream_flush", None, ctypes.c_void_p)
_BufferFigures = ctypes.c_uint32 * 14
"""The library's `struct jbuf_stat`."""
_THROWN_AWAY = 5
_buffer_figures = _function(_quick, "stream_jbuf_stats", ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_BufferFigures))
_hang_up = _function(
    ctypes.CDLL(_native.__file__),
    "ua_hangup",
    None,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_uint16,
    ctypes.c_char_p,
)


@dataclass(frozen=True)
class Source:
    """Where a far end says its media are: an address and a port."""

    address: IPv4Address | IPv6Address
    port: int


@dataclass(frozen=True)
class Media:
    """A call's RTP: its stream, our socket's descriptor, what the far end has announced, the packets that came so far,
    and those of them that the jitter buffer threw away for their numbers."""

    stream: int
    descriptor: int
    announced: Source
    packets: int
    late: int


def library_calls() -> list[tuple[int, int]]:
    """Every call with its agent."""
    return [(agent, call) for agent in _elements(_agents()) for call in _elements(_calls_of(agent))]


def references_to(call: int) -> int:
    """How many parts of the library hold the call."""
    return int(_references(call))


def end_call(agent: int, call: int) -> None:
    """Hang up. Takes a reference of the agent with it."""
    _hang_up(agent, call, 0, None)


def take_reference(call: int) -> None:
    """Hold the call once more."""
    _refer_to(call)


def media_of(call: int) -> Media | None:
    """None while there is no media, or nowhere it could come from."""
    audio = _audio(call)
    stream = _stream(audio) if audio else None
    if not stream:
        return None
    rtp = _stream_socket(stream)
    announced = _source(_remote(stream)) if rtp else None
    if announced is None:
        return None
    family = _AF_INET if announced.address.version == 4 else _AF_INET6
    descriptor = _descriptor(_udp_socket(rtp), family)
    if descriptor < 0:
        return None
    figures = _BufferFigures()
    _buffer_figures(stream, ctypes.byref(figures))
    return Media(stream, descriptor, announced, int(_received(stream)), int(figures[_THROWN_AWAY]))


def empty_buffer(media: Media) -> None:
    """Have the jitter buffer begin with the next packet, whatever its number."""
    _flush(media.stream)


def _elements(of: Any) -> list[int]:
    found, element = [], of.contents.head if of else None
    while element:
        found.append(element.contents.data)
        element = element.contents.next
    return found


def _source(address: int | None) -> Source | None:
    """What is in the library's `struct sa`, which begins with the system's own socket address."""
    if not address:
        return None
    raw = ctypes.string_at(address, 28)
    family, port = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:4], "big")
    if family not in (_AF_INET, _AF_INET6) or port == 0:
        return None
    found = ip_address(raw[4:8] if family == _AF_INET else raw[8:24])
    return None if found.is_unspecified else Source(found, port)
