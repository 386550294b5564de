"""What shortens a Lambda function's cold start; called before anything else is imported (`functions/__init__.py`)."""

import sys

from pydantic import BaseModel, ConfigDict

from sovereign.kernel.settings import Environment, read_environment

__all__ = ["shorten_cold_start"]

_UNUSED = ("pydantic.v1",)
"""What FastAPI loads whole where it is installed, only to refuse models of the old version."""


class LambdaEnvironment(Environment):
    """AWS_LAMBDA_FUNCTION_NAME: set by the Lambda runtime, and by nothing else."""

    aws_lambda_function_name: str | None = None


def shorten_cold_start() -> None:
    """In a Lambda function, build each model's validator on its first use, and let the unused package seem missing.

    Together a fifth of the import time: a function uses few of the models it imports (FastAPI alone defines forty to
    write OpenAPI documents), and the package's users take the ImportError for "not installed".
    """
    environment: LambdaEnvironment = read_environment(LambdaEnvironment)
    if not environment.aws_lambda_function_name:
        return
    BaseModel.model_config = ConfigDict(BaseModel.model_config, defer_build=True)  # type: ignore[misc]  # a copy
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python's own mark for "do not import"
