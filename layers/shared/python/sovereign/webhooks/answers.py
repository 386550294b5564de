"""What an endpoint's answer to a question means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_ANSWER_BYTES = 64 * 1024
"""At most this much of an answer is read; the rest is dropped."""


class Failure(StrEnum):
    """Why a question got no usable answer."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    ADDRESS_REFUSED = "address_refused"
    BAD_STATUS = "bad_status"
    INVALID_ANSWER = "invalid_answer"


class WebhookFailedError(Exception):
    """A question got no usable answer. The message names no address and nothing that was said."""

    def __init__(self, failure: Failure, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.status = status


@dataclass(frozen=True)
class ToolAnswer:
    """What a tool said: a `result`, or an `error` the model can be told. `failure` is set when it did not say it."""

    result: Any = None
    error: str | None = None
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.error is None

    def for_model(self) -> str:
        """The text of the tool's message in the conversation: a string as it is, anything else as JSON."""
        if self.error is not None:
            return json.dumps({"error": self.error}, ensure_ascii=False)
        return self.result if isinstance(self.result, str) else json.dumps(self.result, ensure_ascii=False)


def parse_tool_answer(raw: bytes, tool_call_id: str) -> ToolAnswer:
    """Read an answer to one tool call; text that is not JSON is the result itself."""
    answer = _parse(raw)
    if not isinstance(answer, dict):
        return ToolAnswer(result=answer)
    if isinstance(answer.get("results"), list):
        return _result_by_id(answer["results"], tool_call_id)
    return _single_answer(answer, default=answer)


def parse_assistant_answer(raw: bytes) -> Mapping[str, Any]:
    """Read an answer to `assistant-request`: a JSON object; an empty body is `{}`. Raises WebhookFailedError."""
    if not raw.strip():
        return {}
    answer = _parse(raw)
    if not isinstance(answer, dict):
        raise WebhookFailedError(Failure.INVALID_ANSWER, "the answer is not a JSON object")
    return answer


def _result_by_id(results: list[Any], tool_call_id: str) -> ToolAnswer:
    for entry in results:
        if isinstance(entry, dict) and entry.get("tool_call_id") == tool_call_id:
            return _single_answer(entry, default=None)
    return ToolAnswer(error="The tool's answer holds no result for this call.", failure=Failure.INVALID_ANSWER)


def _single_answer(answer: Mapping[str, Any], *, default: Any) -> ToolAnswer:
    if "result" in answer:
        return ToolAnswer(result=answer["result"])
    error = answer.get("error")
    if isinstance(error, str) and error:
        return ToolAnswer(error=error)
    return ToolAnswer(result=default)


def _parse(raw: bytes) -> Any:
    """The JSON value of an answer, or its text when it is none (also when the cut at 64 KiB broke it)."""
    text = raw.decode("utf-8", errors="replace").removeprefix("\ufeff")
    try:
        return _storable(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        return text


def _storable(value: Any) -> Any:
    """The value with escaped lone surrogates replaced: they are JSON but no text that could be stored or sent on."""
    written = json.dumps(value, ensure_ascii=False)
    try:
        written.encode()
    except UnicodeEncodeError:
        return json.loads(written.encode("utf-8", errors="replace"))
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
