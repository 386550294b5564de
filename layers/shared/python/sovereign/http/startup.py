"""What shortens a Lambda function's cold start before the framework is imported."""

import sys

from sovereign.kernel.settings import Environment, read_environment


class LambdaEnvironment(Environment):
    """AWS_LAMBDA_FUNCTION_NAME: set by the Lambda runtime, and by nothing else."""

    aws_lambda_function_name: str | None = None


def skip_unused_imports() -> None:
    """In a Lambda function, keep FastAPI from loading pydantic's whole version 1 only to see that no route uses it: an
    eighth of the import time. FastAPI takes the ImportError this causes for "not installed"."""
    environment: LambdaEnvironment = read_environment(LambdaEnvironment)
    if environment.aws_lambda_function_name:
        sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # Python's own mark for "do not import"
