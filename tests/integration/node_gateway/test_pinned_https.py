"""The gateway's request over real TLS: the pinned certificate, another one, servers that misbehave."""

import datetime
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from functions.node_gateway.gateway import Gateway
from functions.node_gateway.pinned_https import NotSentError, Response, UnansweredError, post
from sovereign.kernel.clock import utc_now
from sovereign.nodes.client import NodeAnswer
from sovereign.nodes.model import Node
from sovereign.nodes.signing import ReplayCache, SignatureRefusedError, SignedRequest, sign, verify

SECRET = "control-secret"


def certificate(folder: Path, name: str) -> tuple[Path, str]:
    """A self-made certificate as a node makes it; the file holds key and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + pem)
    return path, pem.decode()


class ControlServer(HTTPServer):
    """A node's control server, reduced to the signature check and one answer."""

    def __init__(self, certificate_file: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_file)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.seen = ReplayCache()
        self.received: list[dict[str, Any]] = []
        self.respond: Callable[[_Handler], None] = lambda handler: handler.reply(202, b'{"ok":true}')

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that turned away is part of the tests."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: ControlServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = dict(self.headers.items())
        try:
            verify(
                SECRET,
                method="POST",
                path=self.path,
                body=body,
                headers=headers,
                node_id="node-1",
                now=utc_now(),
                seen=self.server.seen,
            )
        except SignatureRefusedError:
            self.reply(401, b'{"ok":false,"code":"unauthorized"}')
            return
        self.server.received.append({"path": self.path, **json.loads(body)})
        self.server.respond(self)

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[ControlServer, str]]:
    path, pem = certificate(tmp_path, "node")
    running = ControlServer(path)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running, pem
    running.shutdown()
    thread.join()
    running.server_close()


def gateway_to(address: str, pem: str, secret: str = SECRET) -> Gateway:
    node = Node(
        node_id="node-1", control_address=address, certificate_pem=pem, heartbeat_at=utc_now(), started_at=utc_now(),
        capacity=2,
    )  # fmt: skip

    class OneNode:
        def get(self, _node_id: str) -> Node:
            return node

        def all(self) -> list[Node]:
            return [node]

    return Gateway(OneNode(), post, lambda: secret, utc_now)


def send(address: str, pem: str, answer_seconds: float = 0.5) -> Response:
    request = SignedRequest("POST", "/v1/calls/c/dial", b"{}", "node-1", "c", "o")
    return post(
        address, request.path, body=request.body, headers=sign(SECRET, request, utc_now()), certificate_pem=pem,
        connect_seconds=1.0, answer_seconds=answer_seconds,
    )  # fmt: skip


def test_signed_request_reaches_the_pinned_node(server: tuple[ControlServer, str]) -> None:
    running, pem = server
    assert gateway_to(running.address, pem).dial("org-1", "call-1") == NodeAnswer(ok=True)
    assert running.received == [{"path": "/v1/calls/call-1/dial", "org_id": "org-1"}]


def test_request_is_never_sent_to_a_server_with_another_certificate(
    server: tuple[ControlServer, str], tmp_path: Path
) -> None:
    running, _ = server
    _, other = certificate(tmp_path, "other")
    gateway = gateway_to(running.address, other)
    assert gateway.dial("org-1", "call-1") == NodeAnswer(ok=False, code="no_capacity")
    assert gateway.control("node-1", "org-1", "call-1", {}) == NodeAnswer(ok=False, code="node_unreachable")
    assert running.received == []


def test_certificate_signed_by_the_pinned_one_is_not_the_pinned_one(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    leaf = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")])
    now = datetime.datetime.now(datetime.UTC)
    leaf_key = ec.generate_private_key(ec.SECP256R1())

    def build(subject: x509.Name, public: ec.EllipticCurvePublicKey, *, authority: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(hours=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        return builder.sign(key, hashes.SHA256())

    pinned = build(name, key.public_key(), authority=True).public_bytes(serialization.Encoding.PEM)
    signed = build(leaf, leaf_key.public_key(), authority=False).public_bytes(serialization.Encoding.PEM)
    private = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "leaf.pem"
    path.write_bytes(private + signed)
    running = ControlServer(path)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(NotSentError):
            send(running.address, pinned.decode())
        assert running.received == []
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def test_wrong_control_secret_is_refused_by_the_node(server: tuple[ControlServer, str]) -> None:
    running, pem = server
    answer = gateway_to(running.address, pem, secret="guess").control("node-1", "o", "c", {"type": "say"})
    assert answer == NodeAnswer(ok=False, code="unauthorized")
    assert running.received == []


def test_refusal_of_the_node_comes_back_with_its_code(server: tuple[ControlServer, str]) -> None:
    running, pem = server
    running.respond = lambda handler: handler.reply(
        409, b'{"ok":false,"code":"destination_not_allowed","message":"no"}'
    )
    answer = gateway_to(running.address, pem).control("node-1", "o", "c", {"type": "transfer"})
    assert answer == NodeAnswer(ok=False, code="destination_not_allowed", message="no")


def test_closed_port_is_not_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(NotSentError):
        send(address, "")


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999999"])
def test_unusable_address_is_not_sent(address: str) -> None:
    with pytest.raises(NotSentError):
        send(address, "not a certificate")


def silent(_handler: _Handler) -> None:
    time.sleep(0.8)


def closing(handler: _Handler) -> None:
    handler.close_connection = True


def dripping(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(12):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def endless(handler: _Handler) -> None:
    handler.reply(200, b" " * 200_000)


@pytest.mark.parametrize("respond", [silent, closing, dripping, endless])
def test_server_that_does_not_answer_properly_is_unanswered_in_bounded_time(
    server: tuple[ControlServer, str], respond: Callable[[_Handler], None]
) -> None:
    running, pem = server
    running.respond = respond
    started = time.monotonic()
    with pytest.raises(UnansweredError):
        send(running.address, pem, answer_seconds=0.4)
    assert time.monotonic() - started < 1.5
    assert len(running.received) == 1


def test_server_that_never_finishes_the_handshake_is_not_sent(tmp_path: Path) -> None:
    _, pem = certificate(tmp_path, "mute")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        with pytest.raises(NotSentError):
            send(f"127.0.0.1:{mute.getsockname()[1]}", pem)
        assert time.monotonic() - started < 3
