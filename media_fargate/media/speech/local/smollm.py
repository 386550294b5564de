"""SmolLM2-135M-Instruct on llama.cpp: a few friendly words, one thread, two answers at a time."""

import re
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import xllamacpp

from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.local.generation import SLOTS

_SLOT_TOKENS = 1024
_MAX_TOKENS = 40
_LONGEST_TURN_BYTES = 160
# Unlikely words are where so small a model goes astray.
_MIN_P = 0.1
_CONTROL = re.compile(r"<\|.*?\|>")
_SYSTEM = "You chat kindly with a caller on the phone, in one short sentence."
# It follows examples far better than instructions.
_EXAMPLES = (
    ("How are you?", "I am doing well, thank you for asking!"),
    ("I had a long day.", "That sounds tiring, I hope you can rest soon."),
    ("My cat slept on my keyboard.", "Cats always find the best places, don't they?"),
    ("What a rainy day.", "It does make one want to stay inside!"),
    ("Do you like your job?", "I do, I enjoy talking with people!"),
)


class SmolLm:
    """The model, loaded once per process. Its methods block; any thread may call them."""

    def __init__(self, folder: Path) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(folder / "model.gguf")
        params.n_parallel, params.n_ctx = SLOTS, SLOTS * _SLOT_TOKENS
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.cache_ram_mib = 0
        params.n_threads_http = 1
        params.ui = params.endpoint_slots = False
        params.verbosity = -1
        try:
            # it insists on a door of its own: a socket in a folder that is gone once it stands
            with tempfile.TemporaryDirectory() as private:
                params.hostnames = [f"{private}/llama.sock"]
                self._server = xllamacpp.Server(params)
        except RuntimeError:
            raise ProviderError("local", "the model smollm2-135m cannot be loaded", retryable=False) from None
        self._read_examples()

    def answer(
        self, turns: Sequence[tuple[str, str]], temperature: float, take: Callable[[str], bool]
    ) -> ProviderUsage:
        """Answer the last of (role, text) turns; `take` gets text as it is made and returns whether to stop.

        Until the first text it cannot be stopped, a second at most. Raises ProviderError.
        """
        return self._complete(
            {"messages": _prompt(turns), "max_tokens": _MAX_TOKENS, "temperature": temperature, "min_p": _MIN_P}, take
        )

    def _read_examples(self) -> None:
        """What every prompt begins with is read once for each slot, so that no caller waits for it."""
        request = {"messages": _prompt([("user", "Hello.")]), "max_tokens": 1}
        with ThreadPoolExecutor(SLOTS) as pool:
            list(pool.map(lambda _: self._complete(request, lambda _text: False), range(SLOTS)))

    def _complete(self, request: dict[str, Any], take: Callable[[str], bool]) -> ProviderUsage:
        usage, failed = ProviderUsage(cost_usd=0.0), False

        def on_chunk(chunk: dict[str, Any]) -> bool:
            nonlocal usage, failed
            failed = failed or "error" in chunk
            if counted := chunk.get("usage"):
                usage = _usage(counted)
            text = "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
            return bool(text) and take(text)

        options = {"stream": True, "stream_options": {"include_usage": True}}
        self._server.handle_chat_completions(request | options, on_chunk)
        if failed:
            raise ProviderError("local", "smollm2-135m refused what it was asked", retryable=False)
        return usage


def _prompt(turns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    shown = [("system", _SYSTEM)]
    for caller, assistant in _EXAMPLES:
        shown += [("user", caller), ("assistant", assistant)]
    return [{"role": role, "content": text} for role, text in [*shown, *((role, _cut(text)) for role, text in turns)]]


def _cut(text: str) -> str:
    """A turn without the model's own control words and no longer than a slot has room for, whatever its script."""
    return _CONTROL.sub("", text).encode()[:_LONGEST_TURN_BYTES].decode(errors="ignore")


def _usage(counted: dict[str, Any]) -> ProviderUsage:
    details = counted.get("prompt_tokens_details") or {}
    return ProviderUsage(
        input_tokens=counted["prompt_tokens"],
        output_tokens=counted["completion_tokens"],
        cached_input_tokens=details.get("cached_tokens") or 0,
        cost_usd=0.0,
    )
