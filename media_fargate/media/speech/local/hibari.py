"""The hibari voice: English text to 24 kHz speech in about 25 ms a sentence."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from media.speech.local.pcm import Samples, trim

SAMPLE_RATE = 24_000
VOICE = "heart"
# hibari leaves 250-450 ms of silence at both ends; this keeps a natural breath between sentences.
_SILENCE_RMS = 0.003
_KEEP_BEFORE_SECONDS, _KEEP_AFTER_SECONDS = 0.02, 0.12
# The voice has a noise component; a fixed seed makes the same text sound the same each time.
_SEED = 7


class Hibari:
    """The voice, loaded once per process; `speak` may run in several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._engine: Any = _package(folder).Hibari(voice=VOICE, threads=1)
        self.speak("Hello.")  # the pronunciation tables are read at the first use

    def sentences(self, text: str) -> list[str]:
        """Pronunciations, one per stretch that is spoken at once; empty when there is nothing to say."""
        return list(self._engine.phonemize(text))

    def speak_sentence(self, pronunciation: str) -> Samples:
        """Sound of one of `sentences`, without the silence around it."""
        sound = self._engine.from_phonemes(pronunciation, seed=_SEED)
        return trim(sound, SAMPLE_RATE, threshold=_SILENCE_RMS, before=_KEEP_BEFORE_SECONDS, after=_KEEP_AFTER_SECONDS)

    def speak(self, text: str) -> list[Samples]:
        """Sound of each sentence of a text."""
        return [self.speak_sentence(sentence) for sentence in self.sentences(text)]


def _package(folder: Path) -> ModuleType:
    """Import the package from the model cache, which is no place for `sys.path`."""
    spec = importlib.util.spec_from_file_location(
        "hibari", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no hibari package in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["hibari"] = module
    spec.loader.exec_module(module)
    return module
