"""Which of several providers is asked next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

from media.speech.interfaces import ProviderError

PATIENCE_SECONDS = 3.0
"""How long a provider that has others behind it may say nothing. Two attempts end before a conversation gives up the
answer (10 s), so that the next provider still gets to speak in it."""


class Setbacks(Protocol):
    """Where failures are told (`CallFigures`)."""

    errors: list[str]
    provider_retries: int


Provider = TypeVar("Provider")
Open = Callable[[], Awaitable[Provider]]


class Chain(Generic[Provider]):
    """The chosen provider and its fallbacks, opened when first wanted. One kind of one call."""

    def __init__(self, openers: Sequence[Open[Provider]], setbacks: Setbacks) -> None:
        self._openers = openers
        self._setbacks = setbacks
        self._opened: dict[int, Provider] = {}
        self._place = 0
        self._tried_again = False
        self._opening = asyncio.Lock()

    @property
    def opened(self) -> Sequence[Provider]:
        """Everything that was opened, to be counted and closed."""
        return list(self._opened.values())

    async def current(self) -> Provider:
        """The provider whose turn it is. Raises ProviderError when none is left."""
        async with self._opening:
            while self._place not in self._opened:
                try:
                    self._opened[self._place] = await self._openers[self._place]()
                except ProviderError as failure:
                    self._next(failure)
            return self._opened[self._place]

    def succeeded(self) -> None:
        """It did what was asked: its next failure is a first one again."""
        self._tried_again = False

    def failed(self, failure: ProviderError, provider: Provider) -> None:
        """It did not: once more if that may help, else the next, which then stays for the rest of the call.

        Raises the failure, as one not to be retried, when none is left; a later request begins with the first again.
        """
        if self._opened.get(self._place) is provider:
            self._next(failure)
        else:  # somebody else's request has shown it already
            self._note(failure)

    def _next(self, failure: ProviderError) -> None:
        if failure.retryable and not self._tried_again:
            self._tried_again = True
        elif self._place + 1 < len(self._openers):
            self._place, self._tried_again = self._place + 1, False
        else:
            self._place, self._tried_again = 0, False
            self._setbacks.errors.append(str(failure))
            failure.retryable = False
            raise failure
        self._note(failure)

    def _note(self, failure: ProviderError) -> None:
        self._setbacks.errors.append(str(failure))
        self._setbacks.provider_retries += 1
