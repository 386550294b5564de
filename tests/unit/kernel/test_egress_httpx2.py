"""The guard for SDKs that bring httpx2: the same addresses are refused, the same failures are told."""

import gzip
import socket
from collections.abc import Iterator
from typing import Any

import httpcore
import httpx2
import openai
import pytest

from sovereign.kernel import addresses, egress_httpx2, settings

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(autouse=True)
def on_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "")
    _forget()
    yield
    _forget()


def _forget() -> None:
    settings.read_environment.cache_clear()
    addresses.allowed_networks.cache_clear()


@pytest.fixture
def resolves_to(monkeypatch: pytest.MonkeyPatch) -> Any:
    def resolve(*found: str) -> None:
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in found]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)

    return resolve


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Instead of sockets: a server that greets; the addresses it was reached at."""
    reached: list[str] = []

    def connect(self: Any, host: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        reached.append(host)
        return httpcore.MockStream([ANSWER])

    async def connect_async(self: Any, host: str, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        reached.append(host)
        return httpcore.AsyncMockStream([ANSWER])

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_async)
    return reached


async def test_public_address_is_connected_to(resolves_to: Any, connected: list[str]) -> None:
    resolves_to("127.0.0.1", "93.184.215.14")
    assert egress_httpx2.client(1).get("http://llm.example/v1").text == "hello"
    async with egress_httpx2.async_client(1) as client:
        assert (await client.post("http://llm.example/v1", content=b"x")).text == "hello"
    assert connected == ["93.184.215.14", "93.184.215.14"]


async def test_name_of_a_private_address_is_never_connected_to(resolves_to: Any, connected: list[str]) -> None:
    resolves_to("169.254.169.254", "10.0.0.1")
    with pytest.raises(httpx2.ConnectError, match="not a public one"):
        egress_httpx2.client(1).get("http://llm.example/v1")
    async with egress_httpx2.async_client(1) as client:
        with pytest.raises(httpx2.ConnectError, match="not a public one"):
            await client.get("http://llm.example/v1")
    assert connected == []


def test_failures_have_the_names_the_sdk_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(httpx2.ConnectError):
        egress_httpx2.client(1).get("http://llm.example/v1")


def test_redirect_is_not_followed(resolves_to: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_, **__: httpcore.MockStream([moved]))
    resolves_to("93.184.215.14")
    assert egress_httpx2.client(1).get("http://llm.example/v1").status_code == 302


def test_openai_sdk_takes_the_client_and_reports_a_refused_address(resolves_to: Any, connected: list[str]) -> None:
    resolves_to("10.0.0.1")
    guarded = egress_httpx2.client(1)
    sdk = openai.OpenAI(api_key="k", base_url="http://llm.example/v1", http_client=guarded, max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        sdk.models.list()
    assert connected == []


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch, resolves_to: Any) -> Any:
    """Instead of sockets: a server that answers with this; what it was asked."""
    asked = bytearray()

    class Stream(httpcore.MockStream):
        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            asked.extend(buffer)

    class AsyncStream(httpcore.AsyncMockStream):
        async def write(self, buffer: bytes, timeout: float | None = None) -> None:
            asked.extend(buffer)

    def answer(*pieces: bytes) -> bytearray:
        resolves_to("93.184.215.14")

        async def connect_async(*_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
            return AsyncStream(list(pieces))

        monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", lambda *_, **__: Stream(list(pieces)))
        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_async)
        return asked

    return answer


async def test_packed_answer_is_refused_before_it_is_unpacked(answered: Any) -> None:
    packed = gzip.compress(bytes(1000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    asked = answered(head, packed)
    with pytest.raises(httpx2.RemoteProtocolError, match="not asked for"):
        egress_httpx2.client(1).get("http://llm.example/v1")
    async with egress_httpx2.async_client(1) as client:
        with pytest.raises(httpx2.RemoteProtocolError, match="not asked for"):
            await client.get("http://llm.example/v1", headers={"Accept-Encoding": "gzip"})
    assert asked.lower().count(b"accept-encoding: identity\r\n") == 2
    assert b"gzip" not in asked


async def test_answer_without_an_end_is_given_up(answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_httpx2, "LARGEST_ANSWER", 10)
    answered(b"HTTP/1.1 200 OK\r\n\r\n", b"12345678", b"9")
    assert egress_httpx2.client(1).get("http://llm.example/v1").text == "123456789"
    answered(b"HTTP/1.1 200 OK\r\n\r\n", b"12345678", b"901")
    with pytest.raises(httpx2.RemoteProtocolError, match="too large"):
        egress_httpx2.client(1).get("http://llm.example/v1")
    async with egress_httpx2.async_client(1) as client:
        with pytest.raises(httpx2.RemoteProtocolError, match="too large"):
            await client.get("http://llm.example/v1")
