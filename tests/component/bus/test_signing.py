import base64
import hashlib
import hmac
from datetime import timedelta

import pytest

from sovereign.kernel.signing import SigningSecret, own_signature, signature_headers, standard_signature
from tests.component.calls.harness import START

# the example of the Standard Webhooks specification
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_published_vector_of_standard_webhooks_is_reproduced() -> None:
    signature = standard_signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["plain text", "whsec_not base64!", "whsec_ünïcode"])
def test_a_secret_that_is_no_encoded_key_signs_with_its_text(secret: str) -> None:
    expected = hmac.digest(secret.encode(), b"id.5." + BODY, "sha256")
    assert standard_signature(secret, "id", 5, BODY) == base64.b64encode(expected).decode()


def test_the_own_signature_is_over_timestamp_and_body() -> None:
    expected = hmac.new(b"s3cret", b"1700000000." + BODY, hashlib.sha256).hexdigest()
    assert own_signature("s3cret", 1700000000, BODY) == expected


def test_two_secrets_give_two_standard_signatures_and_the_newest_own_one() -> None:
    headers = signature_headers(BODY, event="status-update", webhook_id="id", timestamp=5, secrets=("new", "old"))
    assert headers["X-Webhook-Signature"] == "sha256=" + own_signature("new", 5, BODY)
    assert headers["webhook-signature"].split(" ") == [
        f"v1,{standard_signature(secret, 'id', 5, BODY)}" for secret in ("new", "old")
    ]
    assert (headers["X-Webhook-Timestamp"], headers["webhook-timestamp"]) == ("5", "5")
    assert (headers["X-Webhook-Event"], headers["webhook-id"]) == ("status-update", "id")


def test_without_a_secret_nothing_is_signed() -> None:
    headers = signature_headers(BODY, event="tool-calls", webhook_id="id", timestamp=5, secrets=())
    assert not [name for name in headers if "signature" in name.lower()]


def test_the_previous_secret_signs_for_a_day() -> None:
    secret = SigningSecret("new", "old", START)
    assert secret.active(START + timedelta(hours=23, minutes=59)) == ("new", "old")
    assert secret.active(START + timedelta(hours=24)) == ("new",)
    assert SigningSecret("only").active(START) == ("only",)
    assert "new" not in repr(secret)
