"""Structured data of a call: asked of a model, checked against the schema, repaired once."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from sovereign.analysis import prompts
from sovereign.completion.interface import ChatCompletion, Prompt

MAX_PROBLEMS = 10
_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)


class AnalysisFailedError(Exception):
    """There is no structured data; the message is for the customer and quotes nothing that was said."""


class _UnreadableError(ValueError):
    """The model's answer is not JSON."""


def extract(completion: ChatCompletion, asked: Sequence[Prompt], schema: Mapping[str, Any]) -> Any:
    """The value the model extracted, valid against `schema`.

    Raises AnalysisFailedError when the schema or two answers are not valid, CompletionError when the model fails.
    """
    validator = _validator(schema)
    answer = completion.complete(asked, json_schema=schema).text
    value, problems = _checked(validator, answer)
    if problems:
        repair = prompts.repair_prompts(asked, answer, problems)
        value, problems = _checked(validator, completion.complete(repair, json_schema=schema).text)
    if problems:
        raise AnalysisFailedError("the model's answer does not match the schema")
    return value


def _validator(schema: Mapping[str, Any]) -> Validator:
    """A validator that never fetches a remote reference."""
    kind = validator_for(schema)
    try:
        kind.check_schema(dict(schema))
    except (SchemaError, RecursionError):
        raise AnalysisFailedError("analysis_plan.structured_data_plan.schema is not a valid JSON Schema") from None
    empty: Registry[Any] = Registry()
    return kind(schema, registry=empty)


def _checked(validator: Validator, answer: str) -> tuple[Any, list[str]]:
    """The parsed answer and what is wrong with it."""
    try:
        value = _parsed(answer)
        errors = [error for _, error in zip(range(MAX_PROBLEMS), validator.iter_errors(value), strict=False)]
    except _UnreadableError as failure:
        return None, [str(failure)]
    except Unresolvable:
        raise AnalysisFailedError("the schema refers to something that is not part of it") from None
    except RecursionError:
        return None, ["the answer is nested too deeply"]
    return value, [f"{error.json_path}: {error.message[:300]}" for error in errors]


def _parsed(answer: str) -> Any:
    fenced = _FENCE.match(answer)
    try:
        value = json.loads(fenced.group(1) if fenced else answer, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise _UnreadableError("the answer holds half a surrogate pair") from None
    except ValueError:
        raise _UnreadableError("the answer is not JSON") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
