"""Envelope encryption of what must not lie in the table in the clear: KMS data keys, AES-256-GCM.

The encryption context (organization and resource) is bound twice: KMS refuses to unwrap the data key under another
one, and it is authenticated with the ciphertext.
"""

import base64
import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from sovereign.kernel import aws, ids
from sovereign.kernel.settings import Environment, read_environment

_VERSION = "v1"
_KEY_SECONDS = 60.0
"""How long one data key encrypts: long enough for the several secrets of one assistant."""
_KEY_USES = 1000
_CACHE_ENTRIES = 500
_NONCE_BYTES = 12  # what GCM takes without hashing; random is safe for far more than _KEY_USES
_REFUSALS = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "NotFoundException"})

_JSON = "json:"
"""Stands before the token of a value that is no text; a token itself begins with its version."""

_KeyType = TypeVar("_KeyType")
_ValueType = TypeVar("_ValueType")

Context = tuple[str, str]
"""Organization id and resource, e.g. `assistant/<id>`."""


class DecryptionError(ValueError):
    """The token is damaged, or was encrypted for another organization or resource."""


class CipherEnvironment(Environment):
    """KMS_KEY_ID: the key that wraps data keys."""

    kms_key_id: str


@dataclass
class _DataKey:
    plain: bytes
    wrapped: bytes
    expires_at: float
    uses: int = 0


class Cipher:
    """Encrypts and decrypts small texts for one organization and resource."""

    def __init__(self, kms_key_id: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._kms_key_id = kms_key_id
        self._monotonic = monotonic
        self._encrypting: OrderedDict[Context, _DataKey] = OrderedDict()
        self._unwrapped: OrderedDict[tuple[Context, bytes], bytes] = OrderedDict()
        self._lock = Lock()

    def encrypt(self, text: str, *, org_id: str, resource: str) -> str:
        """A token to store: version, wrapped data key, nonce and ciphertext, URL-safe base64 joined by dots."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - most requests need no cipher

        context = (org_id, resource)
        key = self._data_key(context)
        nonce = bytes.fromhex(ids.new_secret())[:_NONCE_BYTES]
        sealed = AESGCM(key.plain).encrypt(nonce, text.encode(), _associated_data(context))
        return ".".join([_VERSION, *(base64.urlsafe_b64encode(part).decode() for part in (key.wrapped, nonce, sealed))])

    def decrypt(self, token: str, *, org_id: str, resource: str) -> str:
        """The text of a token. Raises DecryptionError when it is not one made for this organization and resource."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

        context = (org_id, resource)
        wrapped, nonce, sealed = _parts(token)
        try:
            return AESGCM(self._unwrap(wrapped, context)).decrypt(nonce, sealed, _associated_data(context)).decode()
        except (InvalidTag, ValueError):
            raise DecryptionError("not encrypted for this organization and resource") from None

    def _data_key(self, context: Context) -> _DataKey:
        now = self._monotonic()
        with self._lock:
            key = self._encrypting.get(context)
            if key is not None and now < key.expires_at and key.uses < _KEY_USES:
                key.uses += 1
                return key
        answer = aws.client("kms").generate_data_key(
            KeyId=self._kms_key_id, KeySpec="AES_256", EncryptionContext=_kms_context(context)
        )
        key = _DataKey(answer["Plaintext"], answer["CiphertextBlob"], now + _KEY_SECONDS, uses=1)
        with self._lock:
            _remember(self._encrypting, context, key)
            _remember(self._unwrapped, (context, key.wrapped), key.plain)
        return key

    def _unwrap(self, wrapped: bytes, context: Context) -> bytes:
        with self._lock:
            known = self._unwrapped.get((context, wrapped))
        if known is not None:
            return known
        try:
            answer = aws.client("kms").decrypt(
                CiphertextBlob=wrapped, KeyId=self._kms_key_id, EncryptionContext=_kms_context(context)
            )
        except ClientError as failure:
            if failure.response["Error"]["Code"] in _REFUSALS:
                raise DecryptionError("not encrypted for this organization and resource") from None
            raise
        with self._lock:
            _remember(self._unwrapped, (context, wrapped), answer["Plaintext"])
        return answer["Plaintext"]


def encrypt_value(cipher: Cipher, value: Any, *, org_id: str, resource: str) -> str:
    """A token of a JSON value that tells a text from a number or a boolean."""
    if isinstance(value, str):
        return cipher.encrypt(value, org_id=org_id, resource=resource)
    return _JSON + cipher.encrypt(json.dumps(value), org_id=org_id, resource=resource)


def decrypt_value(cipher: Cipher, token: str, *, org_id: str, resource: str) -> Any:
    """The value of a token, in the type it had. Raises DecryptionError."""
    text = cipher.decrypt(token.removeprefix(_JSON), org_id=org_id, resource=resource)
    return json.loads(text) if token.startswith(_JSON) else text


@cache
def default_cipher() -> Cipher:
    """The process's cipher, on the key named by KMS_KEY_ID."""
    return Cipher(read_environment(CipherEnvironment).kms_key_id)


def _kms_context(context: Context) -> dict[str, str]:
    return {"organization": context[0], "resource": context[1]}


def _associated_data(context: Context) -> bytes:
    return "\n".join((_VERSION, *context)).encode()


def _parts(token: str) -> tuple[bytes, bytes, bytes]:
    version, *parts = token.split(".")
    if version != _VERSION or len(parts) != 3:
        raise DecryptionError("not an encrypted value")
    try:
        wrapped, nonce, sealed = (base64.b64decode(part, altchars=b"-_", validate=True) for part in parts)
    except ValueError:
        raise DecryptionError("not an encrypted value") from None
    return wrapped, nonce, sealed


def _remember(known: OrderedDict[_KeyType, _ValueType], key: _KeyType, value: _ValueType) -> None:
    known[key] = value
    while len(known) > _CACHE_ENTRIES:
        known.popitem(last=False)
