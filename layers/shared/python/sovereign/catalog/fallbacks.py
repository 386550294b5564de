"""The providers a deployment falls back on when the one an assistant chose fails: a setting of the stage."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sovereign.catalog.llm import LlmConfig
from sovereign.catalog.registry import AnyLlm, AnyStt, AnyTts, Section, is_realtime, provider
from sovereign.catalog.stt import SttConfig
from sovereign.catalog.tts import TtsConfig

MAX_FALLBACKS = 3


@dataclass(frozen=True)
class Fallbacks:
    """In the order in which they are tried, by kind."""

    stt: tuple[SttConfig, ...] = ()
    llm: tuple[LlmConfig, ...] = ()
    tts: tuple[TtsConfig, ...] = ()


class _Given(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    stt: list[AnyStt] = Field(default_factory=list, max_length=MAX_FALLBACKS)
    llm: list[AnyLlm] = Field(default_factory=list, max_length=MAX_FALLBACKS)
    tts: list[AnyTts] = Field(default_factory=list, max_length=MAX_FALLBACKS)


def parse_fallbacks(text: str) -> Fallbacks:
    """From JSON: an object with lists of configurations under `stt`, `llm`, `tts`, each as an assistant's.

    Raises ValueError that names every wrong member.
    """
    try:
        given = _Given.model_validate(json.loads(text))
    except ValidationError as failure:
        problems = [f"{_place(e['loc'])}: {e['msg']}" for e in failure.errors(include_input=False, include_url=False)]
        raise ValueError("; ".join(problems)) from None
    except (ValueError, RecursionError):
        raise ValueError("must be a JSON object with the lists stt, llm and tts") from None
    sections: Mapping[Section, Sequence[Any]] = {"stt": given.stt, "llm": given.llm, "tts": given.tts}
    problems = [
        f"{section}[{place}].provider: {config.provider} cannot be a fallback of this version"
        for section, configs in sections.items()
        for place, config in enumerate(configs)
        if is_realtime(config) or not provider(section, config.provider).adapted
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return Fallbacks(tuple(given.stt), tuple(given.llm), tuple(given.tts))


def _place(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
