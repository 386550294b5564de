"""Calls over TLS: to a far end that proves the name that is called, and to nobody else."""

import asyncio
import contextlib
import re
import ssl
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from media.telephony.leg import LegAnswered, LegClosed, LegClosedBy

from .conftest import Station, next_event

NAME = "sip.carrier.example"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


class Authority:
    """Signs certificates of names; `file` is what those who trust it read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        signed = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def server(self, name: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        signed = self._builder(subject, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, form, plain) + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )


class Carrier:
    """Answers every INVITE that reaches it, and notes what it was sent."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # the connection is over
            await self._take(reader, writer)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1]
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            length = int(re.search(r"(?im)^Content-Length:\s*(\d+)", head)[1])  # type: ignore[index]
            self.requests.append(head + (await reader.readexactly(length)).decode())
            if head.startswith("ACK"):
                continue
            lines = [line for line in head.split("\r\n") if re.match(r"(?i)(via|from|call-id|cseq):", line)]
            lines += [f"{line};tag=far" for line in head.split("\r\n") if re.match(r"(?i)to:", line)]
            sdp = SDP if head.startswith("INVITE") else ""
            lines += [f"Contact: <sip:far@127.0.0.1:{port};transport=tls>"] + ["Content-Type: application/sdp"] * bool(
                sdp
            )
            writer.write("\r\n".join(["SIP/2.0 200 OK", *lines, f"Content-Length: {len(sdp)}", "", sdp]).encode())


class Names(asyncio.DatagramProtocol):
    """A name server for which every name is 127.0.0.1."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, source: Any) -> None:
        end = data.index(b"\0", 12) + 5
        is_address = data[end - 4 : end - 2] == b"\0\1"
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([127, 0, 0, 1]) if is_address else b""
        head = data[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, int(is_address), 0, 0)
        self._transport.sendto(head + data[12:end] + answer, source)


@pytest.fixture
async def names() -> AsyncIterator[str]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    yield "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    transport.close()


@pytest.mark.parametrize(
    ("trusted", "shown", "called", "taken"),
    [
        (True, NAME, NAME, True),
        (True, "other.example", NAME, False),
        (False, NAME, NAME, False),
    ],
    ids=["the name that is called", "another name", "an unknown authority"],
)
async def test_only_who_proves_the_called_name_gets_the_call(
    tmp_path: Path, names: str, trusted: bool, shown: str, called: str, taken: bool
) -> None:
    authority, carrier = Authority(tmp_path), Carrier()
    server = await asyncio.start_server(carrier.serve, "127.0.0.1", 0, ssl=authority.server(shown))
    port = server.sockets[0].getsockname()[1]
    station = Station(dns_server=names, **({"ca_file": authority.file} if trusted else {}))
    await station.start()
    try:
        leg = await station.dial(f"{called}:{port}", transport="tls")
        event = await next_event(leg)
        if taken:
            assert event == LegAnswered()
            assert re.search(r"(?m)^Via: SIP/2.0/TLS ", carrier.requests[0])
            await leg.hang_up()
            assert await next_event(leg) == LegClosed(LegClosedBy.US)
        else:
            assert isinstance(event, LegClosed)
            assert (event.by, event.sip_code) == (LegClosedBy.FAILED, None)
            assert carrier.requests == []
    finally:
        await station.endpoint.close()
        server.close()
