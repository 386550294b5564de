"""Nothing personal and no secret reaches a log line."""

import io
import json
import logging
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from sovereign.kernel.observe import PERSONAL_KEYS, REDACTED, SECRET_KEYS, GuardedFormatter, guarded

NUMBER = "+31201234567"


@pytest.fixture
def lines() -> tuple[Logger, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    log = Logger(service=f"test-{id(stream)}", logger_handler=handler, logger_formatter=GuardedFormatter())
    return log, stream


@pytest.mark.parametrize("name", sorted(PERSONAL_KEYS | SECRET_KEYS))
def test_guarded_field_is_redacted_at_any_depth(lines: tuple[Logger, io.StringIO], name: str) -> None:
    log, stream = lines
    log.info("call_answered", extra={"call_id": "call-1", name: "what was said", "nested": [{name.upper(): "again"}]})
    line = json.loads(stream.getvalue())
    assert line["message"] == "call_answered"
    assert line["call_id"] == "call-1"
    assert line[name] == REDACTED
    assert "what was said" not in stream.getvalue()
    assert "again" not in stream.getvalue()


def test_phone_number_and_api_key_are_redacted_in_any_text() -> None:
    assert guarded({"reason": f"busy {NUMBER} now fl_live_0123456789abcdef"}) == {
        "reason": f"busy {REDACTED} now {REDACTED}"
    }


def test_exception_is_logged_by_type_and_place_only(lines: tuple[Logger, io.StringIO]) -> None:
    log, stream = lines
    said, note = "the caller said this", "the caller wrote this"
    try:
        _fail_over(KeyError(said), ValueError(said + NUMBER))
    except ValueError as failure:
        failure.add_note(note)
        log.exception("request_failed")
    line: dict[str, Any] = json.loads(stream.getvalue())
    assert "builtins.ValueError" in line["exception"]
    assert "builtins.KeyError" in line["exception"]
    assert "test_observe.py" in line["exception"]
    assert line["exception_name"] == "ValueError"
    for personal in (": the caller said this", "'the caller said this'", NUMBER, ": the caller wrote", '["the caller'):
        assert personal not in stream.getvalue()


def _fail_over(cause: Exception, failure: Exception) -> None:
    try:
        raise cause
    except type(cause):
        raise failure from cause


def test_service_error_keeps_its_code(lines: tuple[Logger, io.StringIO]) -> None:
    log, stream = lines
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "for what was said"}}, "GetItem")
    try:
        _fail_over(KeyError("x"), refused)
    except ClientError:
        log.exception("request_failed")
    assert "GetItem AccessDenied" in json.loads(stream.getvalue())["exception"]
