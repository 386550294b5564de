"""The local models of this process: loaded once from the cache, shared by all calls, run off the event loop."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from media.speech.interfaces import ProviderError
from media.speech.local.generation import Generator, TextModel
from media.speech.local.hibari import Hibari
from media.speech.local.minilm import SentenceEncoder
from media.speech.local.moonshine import Moonshine

Result = TypeVar("Result")

SMOLLM = "smollm2-135m"
_WORKERS = max(2, min(4, os.cpu_count() or 2))


class LocalModels:
    """Each model is loaded when first used (or by `warm_up`), so a node without local calls carries none of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="local-models")
        self._loading = threading.RLock()
        self._waiting = 0

    @property
    def idle(self) -> bool:
        """Whether no work waits or runs: the time for work that may be left undone."""
        return self._waiting == 0

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Run blocking work in the pool; raises what it raises."""
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._waiting -= 1

    @property
    def moonshine(self) -> Moonshine:
        """The recogniser's model; blocks while it loads (about 1.5 s). Raises ProviderError when it is not there."""
        with self._loading:
            return self._moonshine

    @property
    def hibari(self) -> Hibari:
        """The voice; blocks while it loads (about 1 s). Raises ProviderError when it is not there."""
        with self._loading:
            return self._hibari

    @property
    def encoder(self) -> SentenceEncoder:
        """The sentence encoder; blocks while it loads (about 0.3 s). Raises ProviderError when it is not there."""
        with self._loading:
            return self._encoder

    @cached_property
    def generator(self) -> Generator:
        """Text by SmolLM2. It loads the model (about 1 s) in threads of its own, when first used."""
        return Generator(self._smollm)

    def require_smollm(self) -> Path:
        """The folder of SmolLM2. Raises ProviderError when it is not there."""
        return self._folder_of(SMOLLM, f"<cache> --with {SMOLLM}")

    def _smollm(self) -> TextModel:
        from media.speech.local.smollm import SmolLm  # noqa: PLC0415 - 100 MB of library, for those who use it

        return SmolLm(self.require_smollm())

    @cached_property
    def _moonshine(self) -> Moonshine:
        return Moonshine(self._folder_of("moonshine-base-en"))

    @cached_property
    def _hibari(self) -> Hibari:
        return Hibari(self._folder_of("hibari"))

    @cached_property
    def _encoder(self) -> SentenceEncoder:
        return SentenceEncoder(self._folder_of("minilm"))

    def _folder_of(self, model: str, arguments: str = "<cache>") -> Path:
        folder = self._folder / model
        if not folder.is_dir():
            raise ProviderError(
                "local",
                f"model {model} is not installed; run `python -m infra.embedded.models {arguments}`",
                retryable=False,
            )
        return folder


@cache
def local_models(folder: Path) -> LocalModels:
    """The process's models of a cache folder."""
    return LocalModels(folder)
