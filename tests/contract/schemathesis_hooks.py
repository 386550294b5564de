"""Loaded by schemathesis (SCHEMATHESIS_HOOKS)."""

from uuid import uuid4

import schemathesis


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, object]) -> None:
    """Make well-formed idempotency keys new: a replayed creation names an object that may be deleted by then.

    Not where a request is to be refused: a changed header makes schemathesis judge the case again, and send the
    `Authorization` that it had left out on purpose.
    """
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and 1 <= len(key) <= 200 and all("!" <= character <= "~" for character in key):
        case.headers["Idempotency-Key"] = f"{key}-{uuid4()}"
