"""Mistral: its chat completions have OpenAI's form, with an older name for the longest answer."""

from sovereign.completion.chat_completions import Dialect

DIALECT = Dialect("mistral", "https://api.mistral.ai/v1", limit="max_tokens")
