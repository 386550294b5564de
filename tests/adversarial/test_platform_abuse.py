"""A running platform under abuse: strange requests, strange SIP, more calls than fit.

It refuses in its own words, goes on working, and keeps numbers and keys out of its logs.
"""

import gzip
import json
import random
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.embedded.local_file import LocalPlatform

HOST = "127.0.0.1"
CALLER = "+12025550111"
FLOOD = 40
"""Twice the calls the tests' platform takes."""


@pytest.fixture
def api(embedded_platform: LocalPlatform) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {embedded_platform.load_api_key}"}
    with httpx.Client(base_url=embedded_platform.api_url, headers=headers, timeout=30, trust_env=False) as client:
        yield client


def sip_address(platform: LocalPlatform) -> tuple[str, int]:
    return HOST, int(platform.sip_uri.rsplit(":", 1)[1])


class Phone:
    """Sends INVITEs from a socket of its own and hears the answers."""

    def __init__(self, platform: LocalPlatform) -> None:
        self._server = sip_address(platform)
        self._to = platform.sip_uri
        self._call_id = uuid.uuid4().hex
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))

    def request(self, method: str, *, sequence: int = 1, to_tag: str = "", more: str = "", body: str = "") -> None:
        port = self._socket.getsockname()[1]
        text = (
            f"{method} {self._to} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{random.random()};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{CALLER}@{HOST}>;tag=1\r\nTo: <{self._to}>{to_tag}\r\n"
            f"Call-ID: {self._call_id}@{HOST}\r\nCSeq: {sequence} {method}\r\nContact: <sip:x@{HOST}:{port}>\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._socket.sendto(text.encode(), self._server)

    def invite(self, more: str = "") -> None:
        session = f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
        self.request("INVITE", more=f"{more}Content-Type: application/sdp\r\n", body=session)

    def final(self, seconds: float = 20) -> tuple[int, str]:
        """The final response's code and the tag of its To; (0, "") when none came."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                answer = self._socket.recv(65535).decode()
            except TimeoutError:
                break
            code = int(answer.split(" ")[1])
            if answer.startswith("SIP/2.0") and code >= 200:
                to = next(line for line in answer.split("\r\n") if line.startswith("To:"))
                return code, to[to.find(";tag=") :]
        return 0, ""

    def hang_up(self, to_tag: str) -> None:
        self.request("ACK", to_tag=to_tag)
        self.request("BYE", sequence=2, to_tag=to_tag)
        self._socket.close()


def require_a_call(platform: LocalPlatform) -> None:
    phone = Phone(platform)
    phone.invite()
    code, tag = phone.final()
    assert code == 200
    phone.hang_up(tag)


def require_all_ended(api: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while any(call["ended_at"] is None for call in api.get("/calls").json()["calls"]):
        assert time.monotonic() < deadline, "a call has no end"
        time.sleep(0.5)


DOUBLING = {f"a{level}": {"allOf": [{"$ref": f"#/$defs/a{level + 1}"}] * 2} for level in range(30)} | {"a30": {}}


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status"),
    [
        ("POST", "/assistants", {}, b'{"name":' + b"[" * 200_000, 400),
        ("POST", "/assistants", {}, b"{" + b" " * 2 * 1024 * 1024 + b"}", 413),
        ("POST", "/assistants", {}, b'{"name":"a","name":"b"}', 400),
        ("POST", "/assistants", {"Content-Encoding": "gzip"}, gzip.compress(b'{"name":"a"}', mtime=0), 400),
        ("POST", "/assistants", {"Content-Type": "text/plain"}, b'{"name":"a"}', 415),
        ("POST", "/assistants", {"Idempotency-Key": "k" * 256}, b'{"name":"a"}', 400),
        ("OPTIONS", "/assistants", {}, b"", 405),
        ("PUT", "/assistants", {}, b"{}", 405),
        ("GET", "/assistants/..%2F..%2Fhealth", {}, b"", 404),
        ("GET", "/assistants/%00", {}, b"", 404),
        ("GET", "//assistants", {}, b"", 404),
        ("GET", "/calls?offset=99999999999999999999", {}, b"", 400),
        ("GET", "/calls?start_date=0001-01-01T00:00:00%2B14:00", {}, b"", 400),
        ("GET", "/usage?end_date=9999-12-31T23:59:59-14:00", {}, b"", 400),
    ],
)
def test_strange_requests_are_refused_in_the_apis_own_shape(
    api: httpx.Client, method: str, path: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = api.request(method, path, headers={"Content-Type": "application/json"} | headers, content=content)
    assert answer.status_code == status, answer.text
    assert {"error", "code"} <= answer.json().keys()


def test_a_schema_that_doubles_its_work_is_refused_at_once(api: httpx.Client) -> None:
    schema = {"$defs": DOUBLING, "$ref": "#/$defs/a0"}
    plan = {"structured_data_plan": {"enabled": True, "schema": schema, "messages": []}}
    started = time.monotonic()
    answer = api.post("/assistants", json={"name": "x", "analysis_plan": plan})
    assert answer.status_code == 400
    assert time.monotonic() - started < 10


def test_garbage_on_the_sip_port_costs_no_call(embedded_platform: LocalPlatform, api: httpx.Client) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for junk in (b"", b"\0" * 1000, b"\xff" * 60_000, b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"):
            sender.sendto(junk, sip_address(embedded_platform))
    for method in ("BYE", "CANCEL", "REFER", "MESSAGE", "REGISTER", "UNHEARD"):
        stranger = Phone(embedded_platform)
        stranger.request(method, to_tag=";tag=unknown", more=f"Refer-To: <sip:{CALLER}@{HOST}:9>\r\n")
        code, _ = stranger.final(2)
        assert code == 0 or code >= 400, method
    connections = [socket.create_connection(sip_address(embedded_platform)) for _ in range(10)]
    for connection in connections:
        connection.sendall(b"INVITE sip:a SIP/2.0\r\nContent-Length: 999999999\r\n\r\n")
    require_a_call(embedded_platform)
    for connection in connections:
        connection.close()
    require_all_ended(api)


def test_more_calls_than_fit_are_refused_and_a_later_one_is_taken(
    embedded_platform: LocalPlatform, api: httpx.Client
) -> None:
    phones = [Phone(embedded_platform) for _ in range(FLOOD)]
    for phone in phones:
        phone.invite("X-Verified-Source: 8.8.8.8\r\n")
    answers = [phone.final(30) for phone in phones]
    for phone, (code, tag) in zip(phones, answers, strict=True):
        if code == 200:
            phone.hang_up(tag)
    assert {code for code, _ in answers} == {200, 486}
    assert sum(code == 200 for code, _ in answers) <= FLOOD // 2
    require_all_ended(api)
    require_a_call(embedded_platform)
    require_all_ended(api)


def test_logs_hold_neither_numbers_nor_keys(
    embedded_platform: LocalPlatform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_a_call(embedded_platform)
    phone = Phone(embedded_platform)
    phone.request("CANCEL")  # which the SIP stack does not handle, and says so
    time.sleep(1)
    folders = [path.parent for path in tmp_path_factory.getbasetemp().glob("platform*/local.json")]
    logs = [log for folder in folders for log in Path(folder, "logs").glob("*.log") if log.stat().st_size]
    assert {"media.log", "emulator.log"} <= {log.name for log in logs}
    secrets = (embedded_platform.api_key, embedded_platform.load_api_key, embedded_platform.webhook_secret)
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        for forbidden in (*secrets, CALLER.lstrip("+"), embedded_platform.sip_uri[5:16]):
            assert forbidden not in text, f"{log.name} holds {json.dumps(forbidden[:6])}..."
