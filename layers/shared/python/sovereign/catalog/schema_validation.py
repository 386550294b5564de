"""Checking values against a customer's JSON Schema, which may be written to fetch an address or to never end.

Nothing outside the schema is ever fetched. The keywords applied are counted, because references can double the work at
each step, and regular expressions are bounded in time (`kernel.cpu_limit`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from itertools import islice
from typing import Any

from sovereign.kernel.cpu_limit import CpuLimitError, within_cpu_seconds

MAX_STEPS = 20_000
"""Keywords applied to one value; the arguments of a tool take some hundreds."""
CPU_SECONDS = 0.1
"""For one value: while a tool's arguments are checked no other call of the process is served."""
_MOST_PROBLEMS = 100
_LONGEST_MESSAGE = 300

_steps: ContextVar[Iterator[int]] = ContextVar("steps")


class UnusableSchemaError(ValueError):
    """No value can be checked against the schema; the message says why."""


def schema_problems(schema: Mapping[str, Any], value: Any, *, cpu_seconds: float = CPU_SECONDS) -> list[str]:
    """What is wrong with `value` (at most a hundred problems), each with its place; empty when nothing is.

    Raises UnusableSchemaError for a reference that leads nowhere, and when the check takes more work than it may.
    """
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - slow to import, needed only with a schema

    validator = _validator(schema)  # outside the bound: the first one takes its imports' time
    steps = _steps.set(iter(range(MAX_STEPS)))
    try:
        found = within_cpu_seconds(cpu_seconds, lambda: list(islice(_errors(validator, value), _MOST_PROBLEMS)))
    except (CpuLimitError, RecursionError):
        raise UnusableSchemaError("takes too much work to check a value against") from None
    except Unresolvable:
        raise UnusableSchemaError("refers to a part that is not there ($ref)") from None
    finally:
        _steps.reset(steps)
    return sorted(found)


def _errors(validator: Any, value: Any) -> Iterator[str]:
    for error in validator.iter_errors(value):
        yield f"{error.json_path}: {error.message[:_LONGEST_MESSAGE]}"


def _validator(schema: Mapping[str, Any]) -> Any:
    from referencing import Registry  # noqa: PLC0415 - as above

    # a dialect named inside would bring its own keywords, which nobody counts
    whole = {name: member for name, member in schema.items() if name != "$schema"}
    # the library's own registry opens whatever address an "$id" spells out
    nothing_else: Registry[Any] = Registry()
    return _counting_validator()(whole, registry=nothing_else)


@cache
def _counting_validator() -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above
    from jsonschema.validators import extend  # noqa: PLC0415 - as above

    keywords = Draft202012Validator.VALIDATORS
    counted = {name: _counted(apply) for name, apply in keywords.items()}
    return extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]  # the library has no types for it


def _counted(keyword: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
    def apply(validator: Any, argument: Any, value: Any, schema: Any) -> Iterator[Any]:
        if next(_steps.get(), None) is None:
            raise UnusableSchemaError("takes too much work to check a value against")
        yield from keyword(validator, argument, value, schema) or ()

    return apply
