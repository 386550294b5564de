"""Turns where OpenAI's Live protocol has none."""

import asyncio
from collections.abc import Iterator

import numpy as np

from media.audio.levels import samples
from media.speech.speech_to_speech import AgentAudio, AgentPaused, AgentTurnOver, AgentWords, CallerWords, SpeechEvent

_PAUSE_SECONDS = 0.8
"""Without audible sound or text for so long the model has finished what it was saying."""
_BREAK_SECONDS = 0.3
"""The same after the caller has said something: what follows answers that."""
_AUDIBLE = 120
"""Loudest sample (of 32768) of a frame that is silence."""


class Turns:
    """The agent's end with a pause, the caller's when the agent begins."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._agent_turn = 0
        self._speaking_until: float | None = None
        self._caller_turn = 0
        self._caller_open = False
        self._caller_spoke = False
        self._last_sound = 0.0

    @property
    def deadline(self) -> float | None:
        """When the agent's turn ends unless it goes on."""
        return self._speaking_until

    def advance(self) -> Iterator[SpeechEvent]:
        """Let time pass."""
        if self._speaking_until is not None and self._loop.time() >= self._speaking_until:
            self._speaking_until = None
            yield AgentPaused(self._item)
            yield AgentTurnOver()

    def agent_audio(self, pcm: bytes) -> Iterator[SpeechEvent]:
        """Sound of the agent; silence belongs to a turn only in its midst."""
        if np.abs(samples(pcm).astype(np.int32)).max(initial=0) > _AUDIBLE:
            yield from self._goes_on()
        if self._speaking_until is not None:
            yield AgentAudio(self._item, pcm)

    def agent_words(self, text: str) -> Iterator[SpeechEvent]:
        """Text of the agent."""
        if text:
            yield from self._goes_on()
            yield AgentWords(self._item, text)

    def caller_words(self, text: str) -> CallerWords:
        """Text of the caller: of a new turn, once the agent has spoken since the last one."""
        if not self._caller_open:
            self._caller_open = True
            self._caller_turn += 1
        self._caller_spoke = True
        return CallerWords(f"caller-{self._caller_turn}", text, final=False)

    def _goes_on(self) -> Iterator[SpeechEvent]:
        now = self._loop.time()
        if self._speaking_until is not None and self._caller_spoke and now >= self._last_sound + _BREAK_SECONDS:
            self._speaking_until = None
            yield AgentPaused(self._item)
        self._last_sound = now
        if self._speaking_until is None:
            self._caller_spoke = False
            self._agent_turn += 1
            if self._caller_open:
                self._caller_open = False
                yield CallerWords(f"caller-{self._caller_turn}", "", final=True)
        self._speaking_until = now + _PAUSE_SECONDS

    @property
    def _item(self) -> str:
        return f"agent-{self._agent_turn}"
