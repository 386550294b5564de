"""The Python example of docs/webhooks.md, run as a customer would run it on headers as they are really sent."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sovereign.kernel.signing import signature_headers

DOCUMENT = Path(__file__).parents[3] / "docs" / "webhooks.md"
BODY = b'{"message":{"type":"status-update"}}'
SECRETS = ("whsec_c2VjcmV0LXNlY3JldA==", "a secret of one's own", "whsec_abcde", "whsec_not base64 at all")
Verify = Callable[[Mapping[str, str], bytes, str], bool]


@pytest.fixture(scope="module")
def verified() -> Verify:
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, str(DOCUMENT), "exec"), names)
    found: Verify = names["verified"]
    return found


def headers(*secrets: str, age: int = 0) -> dict[str, str]:
    moment = int(time.time()) - age
    sent = signature_headers(BODY, event="status-update", webhook_id="call.1", timestamp=moment, secrets=secrets)
    return {name.lower(): value for name, value in sent.items()}


@pytest.mark.parametrize("secret", SECRETS)
def test_either_signature_alone_is_verified(verified: Verify, secret: str) -> None:
    sent = headers(secret)
    assert verified(sent, BODY, secret)
    assert verified(sent | {"x-webhook-signature": "sha256=0"}, BODY, secret)
    assert verified(sent | {"webhook-signature": "v1,0"}, BODY, secret)


@pytest.mark.parametrize("secret", SECRETS)
def test_both_secrets_of_a_rotation_are_verified(verified: Verify, secret: str) -> None:
    assert verified(headers(secret, "another"), BODY, secret)
    assert verified(headers("another", secret), BODY, secret)


def test_what_was_not_signed_now_with_the_secret_is_not_verified(verified: Verify) -> None:
    assert not verified(headers("another"), BODY, SECRETS[0])
    assert not verified(headers(SECRETS[0]), BODY + b" ", SECRETS[0])
    assert not verified(headers(SECRETS[0], age=600), BODY, SECRETS[0])
    assert not verified(headers(SECRETS[0]) | {"webhook-id": "call.2", "x-webhook-signature": ""}, BODY, SECRETS[0])


MALFORMED = [{"webhook-timestamp": "soon"}, {"x-webhook-signature": "é", "webhook-signature": "v1,é"}]


@pytest.mark.parametrize("changed", MALFORMED)
def test_what_is_malformed_is_not_verified(verified: Verify, changed: dict[str, str]) -> None:
    assert not verified(headers(SECRETS[0]) | changed, BODY, SECRETS[0])


def test_what_is_unsigned_is_not_verified(verified: Verify) -> None:
    assert not verified(headers(), BODY, SECRETS[0])
    assert not verified({}, BODY, SECRETS[0])
