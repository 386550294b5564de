"""Structured data of a call: asked of a model, checked against the schema, repaired once."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sovereign.analysis import prompts
from sovereign.catalog.json_schema import MAX_DEPTH, check_schema, depth_exceeds
from sovereign.catalog.schema_validation import UnusableSchemaError, schema_problems
from sovereign.completion.interface import ChatCompletion, Prompt

MAX_PROBLEMS = 10
CHECK_CPU_SECONDS = 2.0
"""For checking one answer: nobody waits for it, but the report is due."""
_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)


class AnalysisFailedError(Exception):
    """There is no structured data; the message is for the customer and quotes nothing that was said."""


class _UnreadableError(ValueError):
    """The model's answer is not JSON."""


def extract(completion: ChatCompletion, asked: Sequence[Prompt], schema: Mapping[str, Any]) -> Any:
    """The value the model extracted, valid against `schema`.

    Raises AnalysisFailedError when the schema or two answers are not valid, CompletionError when the model fails.
    """
    try:
        check_schema(dict(schema))
    except ValueError as problem:
        raise AnalysisFailedError(f"analysis_plan.structured_data_plan.schema {problem}") from None
    answer = completion.complete(asked, json_schema=schema).text
    value, problems = _checked(schema, answer)
    if problems:
        repair = prompts.repair_prompts(asked, answer, problems)
        value, problems = _checked(schema, completion.complete(repair, json_schema=schema).text)
    if problems:
        raise AnalysisFailedError("the model's answer does not match the schema")
    return value


def _checked(schema: Mapping[str, Any], answer: str) -> tuple[Any, list[str]]:
    """The parsed answer and what is wrong with it."""
    try:
        value = _parsed(answer)
        problems = schema_problems(schema, value, cpu_seconds=CHECK_CPU_SECONDS)
    except _UnreadableError as failure:
        return None, [str(failure)]
    except UnusableSchemaError as failure:
        raise AnalysisFailedError(f"analysis_plan.structured_data_plan.schema {failure}") from None
    return value, problems[:MAX_PROBLEMS]


def _parsed(answer: str) -> Any:
    fenced = _FENCE.match(answer)
    try:
        value = json.loads(fenced.group(1) if fenced else answer, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _UnreadableError("the answer holds half a surrogate pair") from None
    except RecursionError:
        raise _UnreadableError("the answer is nested too deeply") from None
    except ValueError:
        raise _UnreadableError("the answer is not JSON") from None
    if depth_exceeds(value, MAX_DEPTH):
        raise _UnreadableError("the answer is nested too deeply")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
