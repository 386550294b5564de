"""What the adapters of Google's services share: service accounts, the `google-genai` client and its errors."""

import json
from typing import Any

import httpx2
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.genai import Client, errors, types
from google.oauth2 import credentials as bearer_credentials
from google.oauth2 import service_account

from media.speech.failures import dropped, refused, timed_out, unreachable
from media.speech.interfaces import BadKeyError, ProviderError

PROVIDER = "google"
# A caller waits: longer without a byte than this is a failure, which has its own retry and fallback.
_SILENCE_SECONDS = 10.0
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_WEBSOCKETS = {"close_timeout": 2.0}
"""Seconds a server has to take part in closing one."""
_UNKNOWN_PROJECT = "unknown"

ERRORS = (errors.APIError, errors.UnknownApiResponseError, httpx2.HTTPError, GoogleAuthError)
"""What a request raises: the SDK's errors, those of its HTTP library, and those of signing in."""


class ServiceAccount:
    """Who we are on Google Cloud. Tokens are signed here, so that no request waits for one and the key goes nowhere."""

    def __init__(self, key: str, *, stand_in: bool = False) -> None:
        """`stand_in`: at another address than Google's no key is needed. Raises BadKeyError for what is no key."""
        given = _parsed(key)
        if given is None and stand_in:
            self.project = _UNKNOWN_PROJECT
            # the SDK asks a bearer token for nothing but its text
            self.credentials: Credentials = bearer_credentials.Credentials(token="none")  # type: ignore[no-untyped-call]  # noqa: S106
            return
        self.project, self.credentials = _signing(given or {})

    def authorization(self) -> str:
        """The header's value, for what is not asked through the SDK."""
        if not self.credentials.valid:
            self.credentials.refresh(None)  # type: ignore[no-untyped-call]
        return f"Bearer {self.credentials.token}"


def _parsed(key: str) -> dict[str, Any] | None:
    try:
        given = json.loads(key)
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _signing(given: dict[str, Any]) -> tuple[str, Credentials]:
    names = ("project_id", "private_key_id", "private_key", "client_email")
    # the other members are addresses: a customer's key must not make us connect to any of its own
    members = {name: given.get(name) for name in names} | {"type": "service_account", "token_uri": _TOKEN_URI}
    try:
        account = service_account.Credentials.from_service_account_info(members, scopes=[_SCOPE])  # type: ignore[no-untyped-call]
    except (ValueError, GoogleAuthError, AttributeError, TypeError):
        raise BadKeyError(PROVIDER, "the key is not a service account's", retryable=False) from None
    if not isinstance(given.get("project_id"), str):
        raise BadKeyError(PROVIDER, "the key names no project", retryable=False)
    return given["project_id"], account.with_always_use_jwt_access(True)


class GenaiConnection:
    """A `google-genai` client and the HTTP connections it uses."""

    def __init__(self, base_url: str | None, version: str, **identity: Any) -> None:
        """`version` is the API's; `identity` what `Client` takes: a key, or credentials, project and location."""
        # the SDK hands its own (absent) timeout to every request; `patience.in_time` bounds the waiting
        self._http = httpx2.AsyncClient()
        self._unused = httpx2.Client()
        options = types.HttpOptions(
            base_url=base_url,
            api_version=version,
            httpx_async_client=self._http,
            httpx_client=self._unused,
            async_client_args=_WEBSOCKETS,
        )
        self.client = Client(http_options=options, **identity)

    @classmethod
    def to_vertex(cls, key: str, location: str, base_url: str | None) -> "GenaiConnection":
        """Vertex AI with a service account's key. Raises BadKeyError."""
        account = ServiceAccount(key, stand_in=base_url is not None)
        identity = {"credentials": account.credentials, "project": account.project, "location": location}
        return cls(base_url, "v1beta1", vertexai=True, **identity)

    @classmethod
    def to_gemini(cls, key: str, base_url: str | None) -> "GenaiConnection":
        """The Gemini API with a key; the speech models are in its beta version."""
        return cls(base_url, "v1beta", vertexai=False, api_key=key)

    async def close(self) -> None:
        """Close the connections."""
        self._unused.close()
        await self._http.aclose()


def as_provider_error(failure: Exception) -> ProviderError:
    """One of `ERRORS` as ours; to be raised `from None`, for the SDK's errors hold the answer."""
    if isinstance(failure, errors.APIError):
        return refused_by_google(failure.code, failure.details)
    if isinstance(failure, GoogleAuthError):
        return BadKeyError(PROVIDER, "the key was refused", retryable=False)
    if isinstance(failure, httpx2.TimeoutException):
        return timed_out(PROVIDER)
    if isinstance(failure, httpx2.ConnectError):
        return unreachable(PROVIDER)
    return dropped(PROVIDER)


def refused_by_google(status: int, details: Any) -> ProviderError:
    """The Gemini API answers a wrong key with 400; only the reason in its details tells it from a bad request."""
    if status == 400 and "API_KEY_INVALID" in json.dumps(details, default=str):
        return BadKeyError(PROVIDER, "the key was refused", retryable=False, status=status)
    return refused(PROVIDER, status)


def silence_seconds() -> float:
    """How long a stream may say nothing."""
    return _SILENCE_SECONDS
