"""Questions asked while a call waits: which assistant takes it, and what a webhook tool says."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from sovereign.kernel import ids
from sovereign.kernel.clock import Clock, utc_now
from sovereign.kernel.egress import USER_AGENT, EgressRefusedError, read_capped_async
from sovereign.kernel.observe import logger
from sovereign.kernel.signing import signature_headers
from sovereign.webhooks import bodies
from sovereign.webhooks.answers import (
    MAX_ANSWER_BYTES,
    Failure,
    ToolAnswer,
    WebhookFailedError,
    parse_assistant_answer,
    parse_tool_answer,
)
from sovereign.webhooks.bodies import CallDescription, ToolCallRequest
from sovereign.webhooks.targets import WebhookEvent, WebhookTarget

REQUEST_HEADERS = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
ASSISTANT_REQUEST_SECONDS = 5.0
TOOL_CALL_SECONDS = 10.0
MAX_ASSISTANT_BYTES = 512 * 1024
"""Above the largest assistant that may be stored (350 KB); a longer answer is refused, not cut."""

_log = logger()


class WebhookAsker:
    """Asks webhooks on behalf of running calls; one per process. `client` comes from `sovereign.kernel.egress`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        clock: Clock = utc_now,
        assistant_request_seconds: float = ASSISTANT_REQUEST_SECONDS,
        tool_call_seconds: float = TOOL_CALL_SECONDS,
    ) -> None:
        self._client = client
        self._clock = clock
        self._assistant_request_seconds = assistant_request_seconds
        self._tool_call_seconds = tool_call_seconds
        self._background: set[asyncio.Task[None]] = set()

    async def assistant_request(self, target: WebhookTarget, call: CallDescription) -> Mapping[str, Any]:
        """Ask who takes an inbound call; the answer's JSON object, `{}` = the saved assistant.

        Raises WebhookFailedError within 5 s when there is no usable answer.
        """
        body = bodies.assistant_request(call, self._clock())
        raw = await self._ask(
            target, WebhookEvent.ASSISTANT_REQUEST, body, self._assistant_request_seconds, MAX_ASSISTANT_BYTES + 1
        )
        if len(raw) > MAX_ASSISTANT_BYTES:
            raise WebhookFailedError(Failure.INVALID_ANSWER, f"the answer is longer than {MAX_ASSISTANT_BYTES} bytes")
        return parse_assistant_answer(raw)

    async def tool_call(self, target: WebhookTarget, call: CallDescription, request: ToolCallRequest) -> ToolAnswer:
        """Run one webhook tool. Never raises: within 10 s there is a result or an error the model can be told."""
        body = bodies.tool_calls(call, [request], self._clock())
        try:
            raw = await self._ask(target, WebhookEvent.TOOL_CALLS, body, self._tool_call_seconds, MAX_ANSWER_BYTES)
        except WebhookFailedError as failed:
            _log.warning("tool_call_failed", call_id=call.call_id, tool=request.name, failure=failed.failure.value)
            return ToolAnswer(error=f"The tool failed: {failed.message}.", failure=failed.failure)
        return parse_tool_answer(raw, request.id)

    def start_tool_call(self, target: WebhookTarget, call: CallDescription, request: ToolCallRequest) -> None:
        """Run an asynchronous tool: nobody waits for its answer. It is sent even if the call ends meanwhile."""
        task = asyncio.create_task(self._discard_answer(target, call, request))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Wait for asynchronous tools that are still under way (each bounded by its time limit)."""
        while self._background:
            await asyncio.gather(*self._background, return_exceptions=True)

    async def _discard_answer(self, target: WebhookTarget, call: CallDescription, request: ToolCallRequest) -> None:
        await self.tool_call(target, call, request)

    async def _ask(self, target: WebhookTarget, event: WebhookEvent, body: bytes, seconds: float, most: int) -> bytes:
        headers = self._headers(target, event, body)
        try:
            async with asyncio.timeout(seconds):
                return await self._post(target.url, headers, body, most)
        except (TimeoutError, httpx.TimeoutException):
            raise WebhookFailedError(Failure.TIMEOUT, f"no answer within {seconds:g} seconds") from None
        except EgressRefusedError:
            raise WebhookFailedError(Failure.ADDRESS_REFUSED, "its address may not be connected to") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise WebhookFailedError(Failure.UNREACHABLE, "its endpoint could not be reached") from None

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes, most: int) -> bytes:
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            if not response.is_success:
                status = response.status_code
                raise WebhookFailedError(Failure.BAD_STATUS, f"its endpoint answered {status}", status=status)
            return (await read_capped_async(response, most)).content

    def _headers(self, target: WebhookTarget, event: WebhookEvent, body: bytes) -> dict[str, str]:
        now = self._clock()
        signed = signature_headers(
            body,
            event=event.value,
            webhook_id=ids.new_id(),
            timestamp=int(now.timestamp()),
            secrets=target.secret.active(now) if target.secret else (),
        )
        return REQUEST_HEADERS | signed
