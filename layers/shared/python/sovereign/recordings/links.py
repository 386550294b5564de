"""Links to recordings: an address of this API with a token that stands for a key, for one call and seven days."""

import hashlib
import hmac
import re
from datetime import timedelta
from typing import Final

from sovereign.calls.model import Call
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.errors import ForbiddenError, UnauthorizedError
from sovereign.kernel.parameters import read_parameter
from sovereign.kernel.secrets import read_secret
from sovereign.kernel.settings import Environment, read_environment

__all__ = ["LINK_LIFE", "LinkExpiredError", "RecordingLinks"]

LINK_LIFE: Final = timedelta(days=7)

_TOKEN: Final = re.compile(r"(\d{1,12})\.([0-9A-Za-z-]{1,64})\.([0-9a-f]{64})")


class LinkExpiredError(ForbiddenError):
    """The link was good once (403)."""

    code = "link_expired"


class LinksEnvironment(Environment):
    """SIGNING_SECRET_ID, and API_URL_PARAMETER: the parameter that holds the API's public address."""

    signing_secret_id: str
    api_url_parameter: str


class RecordingLinks:
    """Makes links and checks their tokens. `secret` and `api_url` are the deployment's own where they are not given."""

    def __init__(self, clock: Clock = utc_now, *, secret: str | None = None, api_url: str | None = None) -> None:
        self._clock = clock
        self._given_secret = secret
        self._given_url = api_url

    def url(self, call: Call) -> str | None:
        """Where the call's recording can be had for the next seven days; None when there is none."""
        if call.recording != "stored":
            return None
        expires = int((self._clock() + LINK_LIFE).timestamp())
        token = f"{expires}.{call.ref.org_id}.{self._signature(call.ref.call_id, expires, call.ref.org_id)}"
        return f"{self._api_url}/calls/{call.ref.call_id}/recording?t={token}"

    def organization_of(self, call_id: str, token: str) -> str:
        """The organization a token speaks for. Raises UnauthorizedError, LinkExpiredError."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise UnauthorizedError("The link to the recording is not valid")
        expires, org_id, signature = int(found[1]), found[2], found[3]
        if not hmac.compare_digest(signature, self._signature(call_id, expires, org_id)):
            raise UnauthorizedError("The link to the recording is not valid")
        if expires <= self._clock().timestamp():
            raise LinkExpiredError("The link to the recording has expired; read the call again for a new one.")
        return org_id

    @property
    def _api_url(self) -> str:
        return self._given_url or read_parameter(read_environment(LinksEnvironment).api_url_parameter)

    def _signature(self, call_id: str, expires: int, org_id: str) -> str:
        secret = self._given_secret or read_secret(read_environment(LinksEnvironment).signing_secret_id)
        signed = "\n".join(("recording", org_id, call_id, str(expires)))
        return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
