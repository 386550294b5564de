"""Envelope encryption against moto's KMS."""

import base64

import pytest

from sovereign.kernel import aws, encryption
from sovereign.kernel.encryption import Cipher, DecryptionError
from sovereign.kernel.table import Table

CONTEXT = {"org_id": "org", "resource": "assistant/1"}


@pytest.fixture
def key_id(table: Table) -> str:
    return aws.client("kms").create_key()["KeyMetadata"]["KeyId"]


def test_decrypt_returns_what_was_encrypted(key_id: str) -> None:
    token = Cipher(key_id).encrypt("geheim ☎", **CONTEXT)
    assert "geheim" not in token
    assert Cipher(key_id).decrypt(token, **CONTEXT) == "geheim ☎"


@pytest.mark.parametrize("other", [{"org_id": "other"}, {"resource": "assistant/2"}])
def test_decrypt_under_another_context_is_refused(key_id: str, other: dict[str, str]) -> None:
    cipher = Cipher(key_id)
    token = cipher.encrypt("x", **CONTEXT)
    for reader in (cipher, Cipher(key_id)):
        with pytest.raises(DecryptionError):
            reader.decrypt(token, **(CONTEXT | other))


def test_every_changed_character_is_refused(key_id: str) -> None:
    cipher = Cipher(key_id)
    token = cipher.encrypt("x", **CONTEXT)
    version, wrapped, nonce, sealed = token.split(".")
    changed = base64.urlsafe_b64encode(bytes(b ^ 1 for b in base64.urlsafe_b64decode(sealed))).decode()
    for broken in ("", "v1", "v2." + token[3:], f"{version}.{wrapped}.{nonce}.{changed}", token + "!", token[:-4]):
        with pytest.raises(DecryptionError):
            cipher.decrypt(broken, **CONTEXT)


def test_same_text_encrypts_differently_each_time(key_id: str) -> None:
    cipher = Cipher(key_id)
    assert cipher.encrypt("x", **CONTEXT) != cipher.encrypt("x", **CONTEXT)


def test_several_secrets_of_one_resource_need_one_data_key(key_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    kms = aws.client("kms")
    generate = kms.generate_data_key
    monkeypatch.setattr(kms, "generate_data_key", lambda **request: made.append("key") or generate(**request))
    now = [0.0]
    cipher = Cipher(key_id, lambda: now[0])
    for _ in range(5):
        cipher.encrypt("x", **CONTEXT)
    assert len(made) == 1
    cipher.encrypt("x", org_id="other", resource="assistant/1")
    assert len(made) == 2
    now[0] = 61
    cipher.encrypt("x", **CONTEXT)
    assert len(made) == 3


def test_caches_are_bounded(key_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_CACHE_ENTRIES", 2)
    cipher = Cipher(key_id)
    tokens = [cipher.encrypt("x", org_id="org", resource=str(n)) for n in range(5)]
    assert len(cipher._encrypting) == 2
    assert len(cipher._unwrapped) == 2
    assert all(cipher.decrypt(token, org_id="org", resource=str(n)) == "x" for n, token in enumerate(tokens))
