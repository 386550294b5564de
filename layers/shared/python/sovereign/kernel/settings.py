"""The one reader of the process environment: each function and process declares what it needs as a typed model."""

import os
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Environment(BaseModel):
    """Base of a typed environment: field `table_name` is read from the variable `TABLE_NAME`; empty means unset."""

    model_config = ConfigDict(frozen=True, extra="ignore")


EnvironmentType = TypeVar("EnvironmentType", bound=Environment)


class ConfigurationError(RuntimeError):
    """A variable is missing or unreadable; the message names each, never its value."""


@cache
def read_environment(model: type[EnvironmentType]) -> EnvironmentType:
    """Read and validate the environment once per model. Raises ConfigurationError naming every bad variable."""
    given = {name: os.environ[name.upper()] for name in model.model_fields if os.environ.get(name.upper())}
    try:
        return model.model_validate(given)
    except ValidationError as failure:
        problems = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in failure.errors(include_input=False)]
        raise ConfigurationError("; ".join(problems)) from None
