"""A keyless, deterministic stand-in for a language model: it selects what was said, it does not understand it.

A summary is sentences of the transcript; structured data is filled by matching the schema's names and values with the
words of the dialogue. English only. What cannot be matched is left out, or refused when the schema requires it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sovereign.completion.interface import Completion, CompletionError, Prompt
from sovereign.completion.local.dialogue import Dialogue
from sovereign.completion.local.slots import NoMatchError, SlotFiller
from sovereign.completion.local.summary import summarise

PROVIDER = "local"


class LocalCompletion:
    """Reads `user:` and `assistant:` lines out of the messages; every other instruction is ignored."""

    def complete(self, messages: Sequence[Prompt], *, json_schema: Mapping[str, Any] | None = None) -> Completion:
        """Summarise, or fill `json_schema`. Raises CompletionError when a required value cannot be matched."""
        dialogue = Dialogue.parse("\n".join(m.content for m in messages if m.role != "assistant"))
        if json_schema is None:
            return Completion(summarise(dialogue))
        try:
            value = SlotFiller(dialogue, json_schema).fill()
        except NoMatchError as failure:
            raise CompletionError(PROVIDER, str(failure), retryable=False) from None
        except RecursionError:
            raise CompletionError(PROVIDER, "the schema is nested too deeply", retryable=False) from None
        return Completion(json.dumps(value, ensure_ascii=False))
