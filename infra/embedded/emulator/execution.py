"""What runs when: failing functions, workflow starts, schedules."""

import json
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, scheduler, stepfunctions

_MARK = "\x01"


def apply() -> None:
    """Name a failed function's error, start a workflow once per name, look at schedules every second."""
    _name_errors()
    _start_once()
    scheduler._SCHEDULE_TICK_INTERVAL = 1  # ten seconds otherwise


def _name_errors() -> None:
    """A raised error keeps its class, which Retry and Catch match on; the emulator calls every one HandlerError."""
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    plain = '"error": str(e), "trace": traceback.format_exc()}'
    if plain not in script:
        raise RuntimeError("this ministack's worker script is not the one the wrapper knows: 1.5.33 is pinned")
    named = f'"error": {_MARK!r} + type(e).__name__ + {_MARK!r} + str(e), "trace": traceback.format_exc()}}'
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(plain, named)
    run = lambda_svc._execute_function_warm

    def run_and_name(*arguments: Any, **options: Any) -> Any:
        result = run(*arguments, **options)
        body = result.get("body") if isinstance(result, dict) else None
        message = body.get("errorMessage") if isinstance(body, dict) else None
        if isinstance(body, dict) and isinstance(message, str) and message.startswith(_MARK):
            _, kind, words = message.split(_MARK, 2)
            result["body"] = {**body, "errorType": kind, "errorMessage": words}
        return result

    lambda_svc._execute_function_warm = run_and_name


def _start_once() -> None:
    """The same name and input while the execution runs is answered with it, as AWS does, not with an error."""
    start = stepfunctions._start_execution

    def start_or_find(data: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        answer = start(data, *arguments, **options)
        if answer[0] == 400 and "ExecutionAlreadyExists" in str(answer[2]):
            machine = data.get("stateMachineArn", "").replace(":stateMachine:", ":execution:")
            arn = f"{machine}:{data['name']}"
            found = stepfunctions._executions.get(arn)
            if found and found["status"] == "RUNNING" and _same(found.get("input"), data.get("input")):
                return stepfunctions.json_response({"executionArn": arn, "startDate": found["startDate"]})
        return answer

    stepfunctions._start_execution = start_or_find
    for table in vars(stepfunctions).values():
        if isinstance(table, dict) and table.get("StartExecution") is start:
            table["StartExecution"] = start_or_find


def _same(one: str | None, other: str | None) -> bool:
    return bool(json.loads(one or "{}") == json.loads(other or "{}"))
