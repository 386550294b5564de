"""Control requests: what is signed, and everything that must be refused."""

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign.nodes.signing import ReplayCache, SignatureRefusedError, SignedRequest, sign, verify
from tests.component.calls.harness import START

SECRET = "s" * 64
REQUEST = SignedRequest("POST", "/v1/calls/call-1/dial", b'{"org_id":"org"}', "node-1", "call-1", "org")


def checked(headers: dict[str, str], **changes: Any) -> SignedRequest:
    known: dict[str, Any] = {
        "method": "POST", "path": REQUEST.path, "body": REQUEST.body, "node_id": "node-1", "now": START,
        "seen": ReplayCache(),
    }  # fmt: skip
    secret = changes.pop("secret", SECRET)
    return verify(secret, headers=headers, **(known | changes))


def test_signed_request_is_accepted_with_header_names_in_any_case() -> None:
    headers = sign(SECRET, REQUEST, START)
    assert checked(headers) == REQUEST
    assert checked({name.lower(): value for name, value in headers.items()}) == REQUEST


def test_signature_is_the_documented_hmac() -> None:
    headers = sign(SECRET, REQUEST, START)
    text = "\n".join(
        ["POST", REQUEST.path, hashlib.sha256(REQUEST.body).hexdigest(), "node-1", "call-1", "org",
         str(int(START.timestamp())), headers["X-Sovereign-Nonce"]]
    )  # fmt: skip
    assert headers["X-Sovereign-Signature"] == hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"path": "/v1/calls/call-2/dial"},
        {"body": b"{}"},
        {"node_id": "node-2"},
        {"secret": "t" * 64},
    ],
)
def test_tampered_request_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SignatureRefusedError):
        checked(sign(SECRET, REQUEST, START), **change)


@pytest.mark.parametrize("name", ["Node", "Call", "Organization", "Timestamp", "Nonce", "Signature"])
def test_changed_or_missing_header_is_refused(name: str) -> None:
    headers = sign(SECRET, REQUEST, START)
    missing = {key: value for key, value in headers.items() if key != f"X-Sovereign-{name}"}
    for tampered in (
        missing,
        headers | {f"X-Sovereign-{name}": "1"},
        headers | {f"X-Sovereign-{name}": "\udcff\u00e9"},
    ):
        with pytest.raises(SignatureRefusedError):
            checked(tampered)


def test_request_without_nonce_is_refused_even_when_signed() -> None:
    headers = sign(SECRET, REQUEST, START)
    headers["X-Sovereign-Nonce"] = ""
    headers["X-Sovereign-Signature"] = REQUEST.signature(SECRET, headers["X-Sovereign-Timestamp"], "")
    with pytest.raises(SignatureRefusedError):
        checked(headers)


@pytest.mark.parametrize(("skew", "accepted"), [(-31, False), (-30, True), (0, True), (30, True), (31, False)])
def test_skew_beyond_thirty_seconds_is_refused(skew: int, accepted: bool) -> None:
    headers = sign(SECRET, REQUEST, START)
    now = START + timedelta(seconds=skew)
    if accepted:
        assert checked(headers, now=now) == REQUEST
    else:
        with pytest.raises(SignatureRefusedError):
            checked(headers, now=now)


@pytest.mark.parametrize("ahead", [0, 30])
def test_replay_is_refused_for_as_long_as_the_timestamp_is_good(ahead: int) -> None:
    headers, seen = sign(SECRET, REQUEST, START + timedelta(seconds=ahead)), ReplayCache()
    checked(headers, seen=seen)
    for later in (0, 1, 29, 30 + ahead, 31 + ahead, 3600):
        with pytest.raises(SignatureRefusedError):
            checked(headers, seen=seen, now=START + timedelta(seconds=later))


def test_replay_cache_forgets_what_has_expired() -> None:
    seen = ReplayCache()
    for second in range(1000):
        assert seen.is_new(f"nonce-{second}", START + timedelta(seconds=second))
    assert len(seen._seen) <= 62


def test_refused_request_does_not_burn_its_nonce() -> None:
    headers, seen = sign(SECRET, REQUEST, START), ReplayCache()
    with pytest.raises(SignatureRefusedError):
        checked(headers, seen=seen, body=b"other")
    assert checked(headers, seen=seen) == REQUEST


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_members_cannot_be_moved_between_lines(node: str, call: str, org: str) -> None:
    one = replace(REQUEST, node_id=node, call_id=call, org_id=org)
    other = replace(REQUEST, node_id=org, call_id=call, org_id=node)
    same = one.signature(SECRET, "1", "n") == other.signature(SECRET, "1", "n")
    assert same == (node == org)
