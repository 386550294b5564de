"""One request to a vendor of transcripts, bounded, with failures that tell nothing they should not."""

from typing import Any

import httpx

from sovereign.transcription.interface import TranscriptionError

TIMEOUT_SECONDS = 50.0
"""A vendor fetches the recording and answers when it is done: an hour of speech takes less than a minute."""
_CONNECT_SECONDS = 5.0


def ask(provider: str, url: str, *, transport: httpx.BaseTransport | None = None, **request: Any) -> dict[str, Any]:
    """POST and return the JSON object of the answer. Raises TranscriptionError."""
    timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=_CONNECT_SECONDS)
    try:
        with httpx.Client(timeout=timeout, transport=transport) as client:
            answer = client.post(url, **request)
    except httpx.TimeoutException:
        raise TranscriptionError(provider, "no answer in time") from None
    except httpx.HTTPError:
        raise TranscriptionError(provider, "could not be reached") from None
    if not answer.is_success:
        raise _refusal(provider, answer.status_code)
    try:
        found = answer.json()
    except ValueError:
        raise unreadable(provider) from None
    if not isinstance(found, dict):
        raise unreadable(provider)
    return found


def unreadable(provider: str) -> TranscriptionError:
    """The error for an answer of another shape than documented."""
    return TranscriptionError(provider, "gave an unreadable answer")


def _refusal(provider: str, status: int) -> TranscriptionError:
    if status in (401, 403):
        return TranscriptionError(provider, "refused the key")
    if status in (402, 429):
        return TranscriptionError(provider, "refused for quota or rate")
    return TranscriptionError(provider, f"answered {status}")
