"""Gemini on Vertex AI in the EU, by the endpoint that speaks OpenAI's protocol."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from sovereign.catalog.llm import GoogleLlm
from sovereign.completion.chat_completions import Dialect
from sovereign.completion.interface import CompletionError

PROVIDER = "google"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_HOSTS = {"eu": "aiplatform.eu.rep.googleapis.com"}


@dataclass(frozen=True)
class VertexAccess:
    """Where a service account's project is asked, and a token for it, signed here: nothing is fetched."""

    dialect: Dialect
    token: str

    @classmethod
    def of(cls, key: str, model: str) -> "VertexAccess":
        """From the key's JSON. Raises CompletionError for what is no service account's key."""
        project, token = _signed(key)
        location = GoogleLlm.model_construct(provider=PROVIDER, model=model).vertex_location
        host = _HOSTS.get(location, f"{location}-aiplatform.googleapis.com")
        place = f"projects/{quote(project, safe='')}/locations/{location}"
        return cls(
            Dialect(PROVIDER, f"https://{host}/v1/{place}/endpoints/openapi", "max_tokens", model_prefix="google/"),
            token,
        )


def _signed(key: str) -> tuple[str, str]:
    names = ("project_id", "private_key_id", "private_key", "client_email")
    try:
        given = json.loads(key)
        # the other members are addresses: a customer's key must not make us connect to any of its own
        members: dict[str, Any] = {name: given[name] for name in names}
        account = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            members | {"type": "service_account", "token_uri": _TOKEN_URI}, scopes=[_SCOPE]
        ).with_always_use_jwt_access(True)
        account.refresh(None)
    except (ValueError, KeyError, TypeError, AttributeError, GoogleAuthError):
        raise CompletionError(PROVIDER, "the key is not a service account's", retryable=False) from None
    return str(given["project_id"]), str(account.token)
