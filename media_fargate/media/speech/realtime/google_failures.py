"""What goes wrong on a Gemini Live websocket, as our errors."""

from google.auth.exceptions import GoogleAuthError
from google.genai import errors
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from media.speech.failures import dropped, refused, unreachable
from media.speech.google_api import PROVIDER
from media.speech.interfaces import BadKeyError, ProviderError, QuotaError

# Close codes of the websocket, the only sign of what is wrong beside their reason.
_INVALID, _POLICY, _INTERNAL = 1007, 1008, 1011

FAILURES = (errors.APIError, ConnectionClosed, InvalidStatus, WebSocketException, GoogleAuthError, OSError, ValueError)

UNREADABLE = (TypeError, AttributeError, RecursionError)
"""What the SDK raises over a message of a kind it does not know, or that is no object."""


def as_provider_error(failure: Exception, *, configured: bool = False) -> ProviderError:
    """One of `FAILURES` as ours; to be raised `from None`, for the SDK's errors hold what was sent. `configured`: the
    setup was taken."""
    if isinstance(failure, InvalidStatus):
        return refused(PROVIDER, failure.response.status_code)
    if isinstance(failure, GoogleAuthError):
        return BadKeyError(PROVIDER, "the key was refused", retryable=False)
    if isinstance(failure, errors.APIError):
        # of a closed websocket the details are the reason
        return _closed(failure.code, str(failure.message or failure.details or ""), configured)
    if isinstance(failure, ConnectionClosed):
        return _closed(failure.rcvd.code, failure.rcvd.reason, configured) if failure.rcvd else dropped(PROVIDER)
    return unreachable(PROVIDER) if isinstance(failure, OSError) else dropped(PROVIDER)


def _closed(code: int, reason: str, configured: bool) -> ProviderError:
    """Why the service closed the websocket: it says so in the code and, between a key and a quota, only in words."""
    words = reason.lower()
    if code in {_INVALID, _POLICY} and ("api key" in words or "permission" in words or "credential" in words):
        return BadKeyError(PROVIDER, "the key was refused", retryable=False)
    if code in {_POLICY, _INTERNAL} and "quota" in words:
        return QuotaError(PROVIDER, "over its quota or rate", retryable=False)
    # what it took before it closes again for the end of a session, too: 1008 comes after a GoAway
    if code in {_INVALID, _POLICY} and not configured:
        return ProviderError(PROVIDER, f"refused the conversation (close code {code})", retryable=False)
    return dropped(PROVIDER)
