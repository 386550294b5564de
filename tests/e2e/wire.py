"""What really crossed the loopback: RTP captured by the kernel, with its timestamps, decoded per stream."""

import socket
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35
_ULAW_BIAS = 33


@dataclass(frozen=True)
class RtpPacket:
    """One RTP packet as it was seen: `seen_at` is the kernel's clock in seconds (CLOCK_REALTIME)."""

    seen_at: float
    source_port: int
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes


@dataclass
class RtpStream:
    """The packets of one synchronisation source, in the order they were seen."""

    ssrc: int
    packets: list[RtpPacket] = field(default_factory=list)

    def pcm(self) -> npt.NDArray[np.int16]:
        """8 kHz samples of a G.711 stream on its own timeline: what was lost or not sent is silence."""
        audio = [p for p in self.packets if p.payload_type in {0, 8}]
        if not audio:
            return np.zeros(0, np.int16)
        first = audio[0].timestamp
        length = max((p.timestamp - first) & 0xFFFFFFFF for p in audio if _near(p, first)) + 160
        samples = np.zeros(length, np.int16)
        for packet in audio:
            if not _near(packet, first):
                continue
            at = (packet.timestamp - first) & 0xFFFFFFFF
            decoded = ulaw_decode(packet.payload) if packet.payload_type == 0 else alaw_decode(packet.payload)
            samples[at : at + len(decoded)] = decoded[: length - at]
        return samples

    def seen_at(self, place: int) -> float:
        """When the packet with this sample of `pcm` was seen."""
        audio = [p for p in self.packets if p.payload_type in {0, 8}]
        first = audio[0].timestamp
        return next(p.seen_at for p in audio if 0 <= place - ((p.timestamp - first) & 0xFFFFFFFF) < len(p.payload))

    def gap_deviations_ms(self) -> list[float]:
        """|gap between neighbours - 20 ms| for each pair with neighbouring sequence numbers."""
        return [
            abs((b.seen_at - a.seen_at) * 1000 - 20)
            for a, b in pairwise(self.packets)
            if (b.sequence - a.sequence) & 0xFFFF == 1
        ]

    def key_tones(self) -> str:
        """The keys pressed as RFC 4733 telephone events (payload type 101), each counted once."""
        events = [p for p in self.packets if p.payload_type == 101]
        pressed = dict.fromkeys((p.timestamp, p.payload[0]) for p in events)
        return "".join("0123456789*#ABCD"[code] for _, code in pressed)

    def within(self, since: float, until: float) -> "RtpStream":
        """The part of the stream seen between two moments."""
        return RtpStream(self.ssrc, [p for p in self.packets if since <= p.seen_at <= until])

    def longest_gap_ms(self) -> float:
        """The longest time between two packets, in milliseconds."""
        return max(((b.seen_at - a.seen_at) * 1000 for a, b in pairwise(self.packets)), default=0.0)


class RtpCapture:
    """Records every RTP packet sent to one of `ports` on the loopback while it is open; needs CAP_NET_RAW (root)."""

    def __init__(self, ports: int | range) -> None:
        self._ports = range(ports, ports + 1) if isinstance(ports, int) else ports
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._streams: dict[int, RtpStream] = defaultdict(lambda: RtpStream(0))
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "RtpCapture":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()

    def streams(self) -> list[RtpStream]:
        """The streams seen so far, longest first."""
        return sorted(self._streams.values(), key=lambda s: -len(s.packets))

    def _run(self) -> None:
        while self._open:
            try:
                frame, ancillary, _, address = self._socket.recvmsg(4096, 256)
            except TimeoutError:
                continue
            # the loopback shows each packet twice, as sent and as received: keep the received one
            if address[2] == 4 or len(frame) < 14 + 20 + 8 + 12 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
                continue
            self._take(frame, ancillary)

    def _take(self, frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> None:
        header = 14 + (frame[14] & 0x0F) * 4
        source, destination = struct.unpack_from("!HH", frame, header)
        rtp = frame[header + 8 :]
        if destination not in self._ports or rtp[0] >> 6 != 2 or rtp[1] >= 0xC8:
            return
        sequence, timestamp, ssrc = struct.unpack_from("!HII", rtp, 2)
        seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2][:16])
        stream = self._streams[ssrc]
        stream.ssrc = ssrc
        stream.packets.append(
            RtpPacket(seconds + nanoseconds / 1e9, source, sequence, timestamp, rtp[1] & 0x7F, rtp[12:])
        )


def _near(packet: RtpPacket, first: int) -> bool:
    return ((packet.timestamp - first) & 0xFFFFFFFF) < 8000 * 3600


def ulaw_encode(pcm: npt.NDArray[np.int16]) -> bytes:
    """G.711 mu-law of 16-bit samples (ITU-T G.711)."""
    magnitude = np.minimum(np.abs(pcm.astype(np.int32)) >> 2, 8158) + _ULAW_BIAS
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    mantissa = (magnitude >> (exponent + 1)) & 0x0F
    code = ~((np.where(pcm < 0, 0x80, 0)) | (exponent << 4) | mantissa)
    return bytes(code.astype(np.uint8))


def ulaw_decode(payload: bytes) -> npt.NDArray[np.int16]:
    """16-bit samples of G.711 mu-law (ITU-T G.711)."""
    code = ~np.frombuffer(payload, np.uint8)
    exponent = (code >> 4) & 0x07
    mantissa = (code & 0x0F).astype(np.int32)
    magnitude = (((mantissa << 1) + _ULAW_BIAS) << exponent) - _ULAW_BIAS
    return np.where(code & 0x80, -magnitude * 4, magnitude * 4).astype(np.int16)


def alaw_decode(payload: bytes) -> npt.NDArray[np.int16]:
    """16-bit samples of G.711 A-law (ITU-T G.711)."""
    code = np.frombuffer(payload, np.uint8) ^ 0x55
    exponent = ((code >> 4) & 0x07).astype(np.int32)
    mantissa = ((code & 0x0F).astype(np.int32) << 4) + 8
    magnitude = np.where(exponent > 0, (mantissa + 0x100) << np.maximum(exponent - 1, 0), mantissa)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)
