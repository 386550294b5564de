"""One HTTPS request to a server that is known by its certificate alone."""

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, Final

__all__ = ["NotSentError", "Response", "UnansweredError", "post"]

MOST_BYTES: Final = 64 * 1024
"""What is read of an answer; a node's is a few dozen bytes."""


class NotSentError(Exception):
    """The request never left: no connection, or the server is not the pinned one."""


class UnansweredError(Exception):
    """The request may have arrived, but no whole answer came back in time."""


@dataclass(frozen=True)
class Response:
    """Status and body of an answer."""

    status: int
    body: bytes


def post(
    address: str,
    path: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    certificate_pem: str,
    connect_seconds: float,
    answer_seconds: float,
) -> Response:
    """POST to `https://<address><path>`; `address` is `host:port`. No proxy, no redirect; the pin alone decides.

    Raises NotSentError and UnansweredError.
    """
    connection = _connect(address, certificate_pem, connect_seconds)
    try:
        return _exchange(connection, path, body, headers, answer_seconds)
    finally:
        connection.close()


def _connect(address: str, certificate_pem: str, seconds: float) -> http.client.HTTPSConnection:
    host, _, port = address.rpartition(":")
    try:
        connection = http.client.HTTPSConnection(
            host.strip("[]"), int(port), timeout=seconds, context=_trusting_only(certificate_pem)
        )
        connection.connect()
    except (OSError, ValueError) as failure:
        raise NotSentError(type(failure).__name__) from failure
    presented = _tls_socket(connection).getpeercert(binary_form=True)
    if presented != ssl.PEM_cert_to_DER_cert(certificate_pem):
        connection.close()
        raise NotSentError("the server presented another certificate")
    return connection


def _exchange(
    connection: http.client.HTTPSConnection, path: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> Response:
    deadline = time.monotonic() + seconds
    socket = _tls_socket(connection)
    socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    socket.settimeout(seconds)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        received = b""
        # read in pieces, so that a server that drips bytes is bounded by the whole time and not by each read's
        while piece := response.read1(MOST_BYTES):
            received += piece
            if len(received) > MOST_BYTES or time.monotonic() > deadline:
                raise UnansweredError("the answer is too long or too slow")
    except (OSError, http.client.HTTPException) as failure:
        raise UnansweredError(type(failure).__name__) from failure
    return Response(response.status, received)


def _tls_socket(connection: http.client.HTTPSConnection) -> ssl.SSLSocket:
    socket: Any = connection.sock
    if not isinstance(socket, ssl.SSLSocket):
        raise NotSentError("not connected")
    return socket


def _trusting_only(certificate_pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # nodes are known by address, not by name; the certificate itself is compared after the handshake
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate_pem)
    return context
