"""What may be saved as a URL, and that connections go only where checked."""

import socket
import zlib
from collections.abc import Iterator
from typing import Any

import httpcore
import httpx
import pytest

from sovereign.kernel import addresses, egress, egress_body, egress_transport, settings
from sovereign.kernel.egress import EgressRefusedError, check_host, check_url


@pytest.fixture(autouse=True)
def on_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "")
    _forget()
    yield
    _forget()


def _forget() -> None:
    settings.read_environment.cache_clear()
    addresses.allowed_networks.cache_clear()


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1",
        "http://hooks.not-resolving.invalid:8080/",
        "https://[2606:4700::1111]/x",
        "https://8.8.8.8",
        "https://bücher.example/",
    ],
)
def test_public_url_may_be_saved(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "/x", "ftp://example.com", "file:///etc/passwd", "javascript:alert(1)", "https://"),
        *("https://127.0.0.1/", "https://[::1]/", "http://169.254.169.254/latest", "http://10.1.2.3:80/"),
        *(
            "http://2130706433/",
            "http://0x7f.1/",
            "http://localhost/",
            "http://api.localhost./",
            "http://[::ffff:8.8.8.8]/",
        ),
        *("https://user:secret@example.com/", "https://example.com:0/", "https://example.com:99999/", "https://[::1"),
        *("https://exa mple.com/", "https://example.com/\r\nX: y", "https://example.com/" + "x" * 3000),
    ],
)
def test_other_url_is_refused(url: str) -> None:
    with pytest.raises(EgressRefusedError):
        check_url(url)


def test_https_only_refuses_http() -> None:
    with pytest.raises(EgressRefusedError):
        check_url("http://example.com/", schemes=("https",))


def test_localhost_is_a_host_where_loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRESS_ALLOWED_CIDRS", "127.0.0.0/8,::1/128")
    _forget()
    check_host("localhost")
    check_host("127.0.0.1")
    with pytest.raises(EgressRefusedError):
        check_host("10.0.0.1")


class _Resolver:
    """Answers for `getaddrinfo`, one list of addresses a call, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    def __call__(self, _host: str, port: int, **_: Any) -> list[Any]:
        addresses_ = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not addresses_:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses_]


class _Inner:
    """Stands in for the real network side: notes where a connection would go."""

    def __init__(self, *, unreachable: frozenset[str] = frozenset()) -> None:
        self.connected: list[str] = []
        self._unreachable = unreachable

    def connect_tcp(self, host: str, *_: Any, **__: Any) -> Any:
        self.connected.append(host)
        if host in self._unreachable:
            raise httpcore.ConnectError("unreachable")
        return httpcore.MockStream([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"])


@pytest.fixture
def inner(monkeypatch: pytest.MonkeyPatch) -> _Inner:
    stand_in = _Inner()
    monkeypatch.setattr(httpcore, "SyncBackend", lambda: stand_in)
    return stand_in


def test_name_is_connected_to_by_its_checked_address(monkeypatch: pytest.MonkeyPatch, inner: _Inner) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver(["10.0.0.1", "93.184.216.34"]))
    with egress.client() as client:
        assert client.get("http://example.com/").text == "ok"
    assert inner.connected == ["93.184.216.34"]


def test_name_that_turns_private_is_not_connected_to(monkeypatch: pytest.MonkeyPatch, inner: _Inner) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver(["93.184.216.34"], ["127.0.0.1"]))
    with egress.client() as client:
        client.get("http://example.com/", headers={"Connection": "close"})
        client._transport.close()
        with pytest.raises(EgressRefusedError):
            client.get("http://rebound.example.com/")
    assert inner.connected == ["93.184.216.34"]


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://localhost/"])
def test_private_target_is_refused_at_connection_too(monkeypatch: pytest.MonkeyPatch, inner: _Inner, url: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver(["127.0.0.1"]))
    with egress.client() as client, pytest.raises(EgressRefusedError):
        client.get(url)
    assert inner.connected == []


async def test_async_client_refuses_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver(["192.168.0.1"]))
    async with egress.async_client() as client:
        with pytest.raises(EgressRefusedError):
            await client.get("http://example.com/")


def test_next_address_is_tried_when_one_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = _Inner(unreachable=frozenset({"93.184.216.34"}))
    monkeypatch.setattr(httpcore, "SyncBackend", lambda: stand_in)
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver(["93.184.216.34", "93.184.216.35"]))
    with egress.client() as client:
        assert client.get("http://example.com/").status_code == 200
    assert stand_in.connected == ["93.184.216.34", "93.184.216.35"]


def test_unresolvable_name_is_a_connect_error_of_httpx(monkeypatch: pytest.MonkeyPatch, inner: _Inner) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver([]))
    with egress.client() as client, pytest.raises(httpx.ConnectError):
        client.get("http://example.com/")
    assert inner.connected == []


def test_redirect_is_not_followed_and_proxies_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = httpcore.MockStream([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"])
    stand_in = _Inner()
    stand_in.connect_tcp = lambda *_, **__: moved  # type: ignore[method-assign]
    monkeypatch.setattr(httpcore, "SyncBackend", lambda: stand_in)
    monkeypatch.setattr(socket, "getaddrinfo", _Resolver(["93.184.216.34"]))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    with egress.client() as client:
        assert client.get("http://example.com/").status_code == 302


def test_every_httpcore_error_has_its_httpx_name() -> None:
    for inner_error, outer in egress_transport._HTTPX_ERRORS.items():
        assert inner_error.__name__ == outer.__name__


def _response(body: bytes, **headers: str) -> httpx.Response:
    request = httpx.Request("GET", "http://example.com/")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=named, stream=httpx.ByteStream(body), request=request)


def test_capped_read_stops_at_the_limit() -> None:
    body = egress_body.read_capped(_response(b"x" * 100), 10, seconds=1)
    assert (body.content, body.truncated) == (b"x" * 10, True)


def test_capped_read_of_a_short_body_is_whole() -> None:
    body = egress_body.read_capped(_response(b"short"), 10, seconds=1)
    assert (body.content, body.truncated) == (b"short", False)


def test_capped_read_decodes_within_the_limit() -> None:
    bomb = zlib.compress(b"\0" * 10_000_000)
    body = egress_body.read_capped(_response(bomb, content_encoding="deflate"), 65_536, seconds=1)
    assert (len(body.content), body.truncated) == (65_536, True)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_encoding_that_was_not_asked_for_is_an_error(encoding: str) -> None:
    with pytest.raises(httpx.DecodingError):
        egress_body.read_capped(_response(b"x", content_encoding=encoding), 10, seconds=1)


def test_broken_compression_is_an_error() -> None:
    with pytest.raises(httpx.DecodingError):
        egress_body.read_capped(_response(b"no zlib", content_encoding="gzip"), 100, seconds=1)


async def test_async_capped_read_stops_at_the_limit() -> None:
    body = await egress.read_capped_async(_response(b"x" * 100), 10)
    assert (body.content, body.truncated) == (b"x" * 10, True)
