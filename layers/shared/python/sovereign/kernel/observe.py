"""Logs and metrics, made so that a phone number or what a person said cannot reach them."""

import logging
import re
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

PERSONAL_KEYS = frozenset(
    {
        *("answer", "arguments", "audio", "body", "content", "digits", "instructions", "messages", "prompt", "reply"),
        *("result", "said", "say", "speech", "summary", "text", "transcript", "utterance", "variables", "words"),
        *("assistant_phone", "called", "caller", "caller_phone", "customer", "destination", "number", "phone"),
        *("phone_number", "email", "notification_email", "from", "from_uri", "request_uri", "sip_uri", "to", "to_uri"),
        *("emails", "html", "notification_emails", "recipients", "sender", "subject"),
    }
)
"""Field names that can hold a phone number or speech; their values never reach a log."""
SECRET_KEYS = frozenset(
    {
        *("api_key", "auth_password", "authorization", "headers", "key", "password", "secret", "signature"),
        *("token", "webhook_secret"),
    }
)
"""Field names that can hold a secret; their values never reach a log."""

REDACTED = "[redacted]"
_GUARDED = PERSONAL_KEYS | SECRET_KEYS
_PHONE_NUMBER = re.compile(r"\+\d{7,15}(?!\d)")
_API_KEY = re.compile(r"fl_live_[0-9a-f]{8,}")


class GuardedFormatter(LambdaPowertoolsFormatter):
    """Powertools' JSON lines with personal and secret fields redacted, and exceptions without their values."""

    def serialize(self, log: Any) -> str:
        """One line; every field has passed the guard."""
        for name in ("exception_notes", "stack_trace"):  # both repeat an exception's words
            log.pop(name, None)
        return super().serialize(guarded(log))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Types, places and service error codes of an exception and its causes; never its words, which can hold
        what was sent."""
        lines: list[str] = []
        failure: BaseException | None = ei[1]
        while failure is not None:
            lines += [_described(failure), *(line.rstrip() for line in traceback.format_tb(failure.__traceback__))]
            failure = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)
        return "\n".join(lines)


def guarded(value: Any) -> Any:
    """A copy of a log's fields with everything personal or secret redacted, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: REDACTED if str(name).lower() in _GUARDED and member is not None else guarded(member)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [guarded(member) for member in value]
    if isinstance(value, str):
        return _API_KEY.sub(REDACTED, _PHONE_NUMBER.sub(REDACTED, value))
    return value


@cache
def logger() -> Logger:
    """The process's logger; service and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
    logging.getLogger("mangum").setLevel(logging.WARNING)  # its access lines would repeat ours with the raw path
    return Logger(logger_formatter=GuardedFormatter(), serialize_stacktrace=False, utc=True)


@cache
def metrics() -> Metrics:
    """The process's metrics (EMF lines on stdout); add some, then `flush_metrics()`. Dimension: the service."""
    return Metrics(namespace="Sovereign")


def count_request(status: int, duration_ms: float) -> None:
    """The metrics of one answered HTTP request, as one EMF line."""
    metrics().add_metric(name="Requests", unit=MetricUnit.Count, value=1)
    metrics().add_metric(name="ServerErrors", unit=MetricUnit.Count, value=int(status >= 500))
    metrics().add_metric(name="RequestDuration", unit=MetricUnit.Milliseconds, value=duration_ms)
    metrics().flush_metrics()


def count_unknown_price(section: str, provider: str, model: str) -> None:
    """A call uses something whose price we do not know; what it is stands beside the metric, as one EMF line."""
    metrics().add_metric(name="UnknownProviderPrice", unit=MetricUnit.Count, value=1)
    metrics().add_metadata("section", section)
    metrics().add_metadata("provider", provider)
    metrics().add_metadata("model", model)
    metrics().flush_metrics()


def measure(
    milliseconds: Mapping[str, Sequence[float]],
    amounts: Mapping[str, float],
    counts: Mapping[str, float],
    seconds: Mapping[str, float],
) -> None:
    """How long each thing took every time it happened, amounts of money, what was counted (at least one), and seconds
    in all: as EMF lines, of which one holds at most a hundred values of a metric."""
    for name, values in milliseconds.items():
        for value in values:
            metrics().add_metric(name=name, unit=MetricUnit.Milliseconds, value=value)
    for name, value in amounts.items():
        metrics().add_metric(name=name, unit=MetricUnit.NoUnit, value=value)
    for name, value in counts.items():
        metrics().add_metric(name=name, unit=MetricUnit.Count, value=value)
    for name, value in seconds.items():
        metrics().add_metric(name=name, unit=MetricUnit.Seconds, value=value)
    metrics().flush_metrics()


def _described(failure: BaseException) -> str:
    name = f"{type(failure).__module__}.{type(failure).__qualname__}"
    if isinstance(failure, ClientError):
        return f"{name} {failure.operation_name} {failure.response['Error']['Code']}"
    return name
