"""xAI: OpenAI's protocol, as xAI documents it."""

from sovereign.completion.chat_completions import Dialect

DIALECT = Dialect("xai", "https://api.x.ai/v1", without_reasoning=frozenset({"grok-4.3"}))
