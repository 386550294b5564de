"""A phone of sockets only: it says exactly what a test wants said, right or wrong, and notes when each packet came."""

import asyncio
import random
import re
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}
KEYS = "0123456789*#ABCD"
PACKET_SECONDS = 0.02
WAIT_SECONDS = 10.0


class _Port(asyncio.DatagramProtocol):
    def __init__(self, on_datagram: Any) -> None:
        self._on_datagram = on_datagram

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._on_datagram(data, address)


@dataclass(frozen=True)
class Packet:
    """An RTP packet: when it came (the loop's clock), and what it held."""

    at: float
    payload_type: int
    sequence: int
    payload: bytes


@dataclass
class Line:
    """How the network treats what the phone sends: a share is lost, the rest comes up to so many seconds late."""

    loss: float = 0.0
    jitter: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))


class RawPhone:
    """One call on UDP 127.0.0.1 to `target` (a port there)."""

    def __init__(self, target: int, number: str = "+31201234567") -> None:
        self._target = ("127.0.0.1", target)
        self._number = number
        self._tag = f"raw{random.randrange(10**9)}"
        self.call_id = f"{random.randrange(10**12)}@127.0.0.1"
        self.remote_tag = ""
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self.requests: asyncio.Queue[str] = asyncio.Queue()
        self.packets: list[Packet] = []
        self._sequence = 1
        self._rtp_sequence = 100
        self._media: tuple[str, int] | None = None
        self._remote_uri = ""

    async def open(self) -> "RawPhone":
        loop = asyncio.get_running_loop()
        _, self._sip = await loop.create_datagram_endpoint(
            lambda: _Port(self._on_sip), local_addr=("127.0.0.1", 0), family=socket.AF_INET
        )
        _, self._rtp = await loop.create_datagram_endpoint(
            lambda: _Port(self._on_rtp), local_addr=("127.0.0.1", 0), family=socket.AF_INET
        )
        self.port = self._sip.transport.get_extra_info("sockname")[1]
        self.rtp_port = self._rtp.transport.get_extra_info("sockname")[1]
        return self

    def close(self) -> None:
        self._sip.transport.close()
        self._rtp.transport.close()

    # signalling

    def sdp(self, *codecs: str, direction: str = "sendrecv") -> str:
        types = [PAYLOAD_TYPES[codec] for codec in codecs]
        maps = "".join(f"a=rtpmap:{PAYLOAD_TYPES[codec]} {codec}/8000\r\n" for codec in codecs)
        return (
            "v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP {' '.join(map(str, types))} 101\r\n{maps}"
            f"a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na={direction}\r\n"
        )

    def message(self, method: str, body: str = "", *, extra: str = "", sequence: int | None = None) -> str:
        number = self._sequence if sequence is None else sequence
        to_tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        host = f"127.0.0.1:{self._target[1]}"
        return (
            f"{method} {self._remote_uri or f'sip:{self._number}@{host}'} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{random.randrange(10**12)};rport\r\n"
            f"From: <sip:+31612345678@127.0.0.1:{self.port}>;tag={self._tag}\r\n"
            f"To: <sip:{self._number}@{host}>{to_tag}\r\nCall-ID: {self.call_id}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:raw@127.0.0.1:{self.port}>\r\nMax-Forwards: 70\r\n{extra}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def send(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode("latin-1")
        self._sip.transport.sendto(data, self._target)

    async def ask(self, method: str, body: str = "", *, extra: str = "") -> str:
        """Send a request of the next sequence number; its final answer (an INVITE's is acknowledged)."""
        self._sequence += 1
        self.send(self.message(method, body, extra=extra))
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                answer = await self.answers.get()
                if not re.search(rf"(?im)^CSeq:\s*{self._sequence} {method}", answer) or answer.startswith("SIP/2.0 1"):
                    continue
                if method == "INVITE":
                    self._acknowledge(answer)
                return answer

    def _acknowledge(self, answer: str) -> None:
        if tag := re.search(r"(?im)^To:.*;tag=([^;\r\n]+)", answer):
            self.remote_tag = tag[1]
        if answer.startswith("SIP/2.0 200"):
            if contact := re.search(r"(?im)^Contact:\s*<([^>]+)>", answer):
                self._remote_uri = contact[1]
            if media := re.search(r"(?m)^m=audio (\d+)", answer):
                self._media = ("127.0.0.1", int(media[1]))
        self.send(self.message("ACK"))

    def _on_sip(self, data: bytes, address: Any) -> None:
        text = data.decode(errors="replace")
        if text.startswith("SIP/2.0"):
            self.answers.put_nowait(text)
            return
        self.requests.put_nowait(text)
        if not text.startswith("ACK"):
            lines = [line for line in text.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
            self.send("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0", "", ""]))

    # media

    @property
    def media_address(self) -> tuple[str, int]:
        """Where the far end expects our RTP; its RTCP port is the next."""
        assert self._media
        return self._media

    def _on_rtp(self, data: bytes, address: Any) -> None:
        if len(data) < 12 or data[1] & 0x7F > 95:
            return
        _, kind, sequence = struct.unpack("!BBH", data[:4])
        self.packets.append(Packet(asyncio.get_running_loop().time(), kind & 0x7F, sequence, data[12:]))

    async def play(self, payloads: list[bytes], codec: str, line: Line | None = None) -> int:
        """Send packets at their pace over a line; how many were not lost on it."""
        line, loop = line or Line(), asyncio.get_running_loop()
        begin, arrived = loop.time(), 0
        for place, payload in enumerate(payloads):
            await asyncio.sleep(max(0.0, begin + place * PACKET_SECONDS - loop.time()))
            self._rtp_sequence += 1
            head = struct.pack("!BBHII", 0x80, PAYLOAD_TYPES[codec], self._rtp_sequence & 0xFFFF, place * 160, 4711)
            if line.chance.random() >= line.loss:
                arrived += 1
                loop.call_later(line.chance.random() * line.jitter, self._send_media, head + payload)
        await asyncio.sleep(line.jitter)
        return arrived

    def key(self, digit: str, updates: int = 4) -> list[bytes]:
        """The packets of a key press (RFC 4733): its begin, which has the marker, updates, and its end three times."""
        timestamp, packets = self._rtp_sequence * 160, []
        for place in range(updates + 4):
            self._rtp_sequence += 1
            marker, ended = 0x80 if place == 0 else 0, place > updates
            head = struct.pack("!BBHII", 0x80, marker | 101, self._rtp_sequence & 0xFFFF, timestamp, 4711)
            event = struct.pack("!BBH", KEYS.index(digit), 0x8A if ended else 0x0A, 160 * min(place + 1, updates + 1))
            packets.append(head + event)
        return packets

    async def send_paced(self, packets: list[bytes]) -> None:
        """Send RTP packets as they are, one each 20 ms."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for place, packet in enumerate(packets):
            await asyncio.sleep(max(0.0, begin + place * PACKET_SECONDS - loop.time()))
            self._send_media(packet)

    def count_from(self, sequence: int) -> None:
        """Number the next packets from here."""
        self._rtp_sequence = sequence

    def _send_media(self, packet: bytes) -> None:
        self._rtp.transport.sendto(packet, self.media_address)
