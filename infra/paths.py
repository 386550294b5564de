"""Where things lie in the repository."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FUNCTIONS = REPOSITORY / "functions"
SHARED_LAYER = REPOSITORY / "layers" / "shared"
LAMBDA_REQUIREMENTS = REPOSITORY / "requirements" / "lambda.txt"
WORKFLOWS = REPOSITORY / "infra" / "workflows"
STATE = REPOSITORY / ".sovereign"
"""Everything built or kept locally; ignored by git."""
