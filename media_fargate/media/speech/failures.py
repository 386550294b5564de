"""A vendor's HTTP status as one of our errors. Bodies and headers are left out: they may hold keys or what was said."""

from http import HTTPStatus

from media.speech.interfaces import BadKeyError, ProviderError, QuotaError

_BAD_KEY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_QUOTA = {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS}


def refused(provider: str, status: int) -> ProviderError:
    """The error for an answer with an HTTP status of 400 or more."""
    if status in _BAD_KEY:
        return BadKeyError(provider, "the key was refused", retryable=False, status=status)
    if status in _QUOTA:
        return QuotaError(provider, "over its quota or rate", retryable=False, status=status)
    retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT
    return ProviderError(provider, f"refused with status {status}", retryable=retryable, status=status)


def is_refusal(failure: ProviderError) -> bool:
    """Whether the vendor did not take the request at all, so that nothing is charged."""
    return failure.status is not None or isinstance(failure, BadKeyError | QuotaError)


def unreachable(provider: str) -> ProviderError:
    """The error for a connection that cannot be made."""
    return ProviderError(provider, "cannot be reached", retryable=True)


def timed_out(provider: str) -> ProviderError:
    """The error for an answer that does not come."""
    return ProviderError(provider, "did not answer in time", retryable=True)


def withheld(provider: str) -> ProviderError:
    """The error for an answer that is over without a word, as the vendor found that it should not be given."""
    return ProviderError(provider, "withheld its answer", retryable=True)


def dropped(provider: str) -> ProviderError:
    """The error for a connection that broke in mid-answer."""
    return ProviderError(provider, "the connection broke", retryable=True)
