"""One request of a delivery, bounded in time whatever the endpoint does."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import httpx

from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.egress import EgressRefusedError, async_client, read_capped_async
from sovereign.kernel.signing import signature_headers
from sovereign.webhooks.asker import REQUEST_HEADERS
from sovereign.webhooks.delivery import Attempt, AttemptResult, Delivery
from sovereign.webhooks.schedule import parse_retry_after
from sovereign.webhooks.targets import WebhookTarget

TIME_LIMIT_SECONDS = 15.0
SLOW_SECONDS = 5.0
"""An answer that takes longer puts its endpoint into the slow lane."""
KEPT_ANSWER_BYTES = 1024

ClientFactory = Callable[[], httpx.AsyncClient]


class WebhookSender:
    """Sends attempts. A client lives for one request: an attempt shares no connection with another tenant's."""

    def __init__(
        self,
        new_client: ClientFactory = async_client,
        *,
        clock: Clock = utc_now,
        time_limit_seconds: float = TIME_LIMIT_SECONDS,
    ) -> None:
        self._new_client = new_client
        self._clock = clock
        self._time_limit_seconds = time_limit_seconds

    def send(self, delivery: Delivery, target: WebhookTarget, body: bytes) -> AttemptResult:
        """Make one request; never raises for what an endpoint does. Call it outside an event loop."""
        now = self._clock()
        started = time.monotonic()
        answered = asyncio.run(self._send(target.url, _headers(delivery, target, body, now), body))
        seconds = time.monotonic() - started
        return self._result(delivery, answered, now, seconds)

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> "_Answer | str":
        """The answer, or in a word why there is none."""
        try:
            async with (
                asyncio.timeout(self._time_limit_seconds),
                self._new_client() as client,
                client.stream("POST", url, content=body, headers=headers) as response,
            ):
                return _Answer(response, await _opening(response))
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except EgressRefusedError:
            return "address_refused"
        except (httpx.HTTPError, httpx.InvalidURL):
            return "unreachable"

    def _result(self, delivery: Delivery, answered: "_Answer | str", at: datetime, seconds: float) -> AttemptResult:
        milliseconds = round(seconds * 1000)
        slow = seconds >= min(SLOW_SECONDS, self._time_limit_seconds)
        if isinstance(answered, str):
            return AttemptResult(Attempt(at, milliseconds, error=answered), slow=slow)
        attempt = Attempt(
            at,
            milliseconds,
            status=answered.status,
            error=None if answered.is_success else "redirect" if answered.is_redirect else "bad_status",
            answer=None if delivery.private else answered.opening,
        )
        wait = parse_retry_after(answered.retry_after, at)
        return AttemptResult(attempt, retry_after=wait, gone=answered.status == 410, slow=slow)


class _Answer:
    """What is kept of a response."""

    def __init__(self, response: httpx.Response, opening: bytes) -> None:
        self.status = response.status_code
        self.is_success = response.is_success
        self.is_redirect = 300 <= response.status_code < 400
        self.retry_after = response.headers.get("retry-after")
        # DynamoDB takes any text, but a client is helped more by a mark than by half a character
        self.opening = opening.decode("utf-8", errors="replace")


async def _opening(response: httpx.Response) -> bytes:
    """The first KiB of the answer; a success that breaks off while its body is read remains one."""
    try:
        return (await read_capped_async(response, KEPT_ANSWER_BYTES)).content
    except httpx.HTTPError:
        return b""


def _headers(delivery: Delivery, target: WebhookTarget, body: bytes, now: datetime) -> dict[str, str]:
    signed = signature_headers(
        body,
        event=delivery.event.value,
        webhook_id=delivery.ref.delivery_id,
        timestamp=int(now.timestamp()),
        secrets=target.secret.active(now) if target.secret else (),
    )
    return REQUEST_HEADERS | signed
