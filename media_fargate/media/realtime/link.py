"""The call's connection to its model: audio and requests out, events in, and one reconnection when it breaks."""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from media.audio.levels import size
from media.conversation.context import Context
from media.conversation.figures import add_usage
from media.realtime.answer_watch import AnswerWatch
from media.realtime.events import ModelConnected, ModelFailed, ModelLost
from media.realtime.held_audio import HeldAudio, UnansweredTurn
from media.speech.interfaces import ProviderError, ProviderUsage
from media.speech.speech_to_speech import (
    AgentAudio,
    AgentTurnOver,
    AgentWords,
    CallsWanted,
    SessionOverError,
    SpeechModel,
    SpeechOpening,
    SpeechSession,
)

_CHUNK_SECONDS = 0.04
"""Audio sent at a time: two packets, what the vendors' own examples send."""
_OPEN_TIMEOUT_SECONDS = 10.0
_SEND_TIMEOUT_SECONDS = 10.0
_HEALTHY_AFTER_SECONDS = 30.0
"""So long after the last break another one is worth another try."""
_LONGEST_BACKLOG_SECONDS = 15.0
"""Of the caller's audio, while there is no connection: more than one takes to come about."""

Request = Callable[[SpeechSession], Awaitable[None]]


class ModelLink:
    """One call's connection, open for the whole call. `run` is its task; `feed` and `ask` return at once.

    A failure reconnects at once, with the conversation so far; a second one soon after is posted as ModelFailed and
    ends `run`. The end of a session in its ordinary course is no failure, unless the one before ended so just now.
    Requests that were not sent when another is begun are dropped: who asked is told by ModelConnected.
    What the caller was just saying, or said and got no answer to, the next connection hears from the beginning.
    Between `hold` and `release` the model hears silence; what the caller said meanwhile it hears afterwards.
    """

    def __init__(
        self, model: SpeechModel, sample_rate: int, opening: Callable[[], SpeechOpening], context: Context
    ) -> None:
        self._model = model
        self.instructable = model.abilities.instructable
        self._rate = sample_rate
        self._opening = opening
        self._figures = context.figures
        self._post = context.post
        self._loop = asyncio.get_running_loop()
        self._audio = bytearray()
        self._requests: deque[Request] = deque()
        self._work = asyncio.Event()
        self._session: SpeechSession | None = None
        self._broken: asyncio.Future[ProviderError | None] | None = None
        self._held: HeldAudio | None = None
        self._turn = UnansweredTurn(sample_rate)
        self._spent = ProviderUsage(cost_usd=0.0)
        self._model_rate = sample_rate
        self._answering = self._lost_an_end = False
        self.connections = 0
        self.begun = 0
        """Of them and those that did not come about: each starts from what there is at that moment."""

    @property
    def usage(self) -> ProviderUsage:
        """Figures of all its connections together."""
        return add_usage(self._spent, self._session.usage) if self._session is not None else self._spent

    @property
    def lacks_figures(self) -> bool:
        """Whether an answer's end, with which its tokens are told, was never heard: the caller or the connection left
        in the middle of it."""
        return self._lost_an_end or self._answering

    @property
    def connected(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._session is not None

    @property
    def sample_rate(self) -> int:
        """Hertz of the model's audio, as the last connection had it."""
        return self._model_rate

    def feed(self, pcm: bytes, *, speaking: bool = False) -> None:
        """Send audio of the caller; `speaking`: the caller is known to speak."""
        if self._held is not None:
            self._held.take(pcm, speaking=speaking)
            if self._session is None:  # the next connection needs no silence from before its time
                return
            pcm = bytes(len(pcm))
        else:
            self._turn.take(pcm, speaking=speaking, connected=self._session is not None)
        self._audio += pcm
        if len(self._audio) >= size(_CHUNK_SECONDS, self._rate):
            del self._audio[: -size(_LONGEST_BACKLOG_SECONDS, self._rate)]
            self._work.set()

    def ask(self, request: Request, *, also_next: bool = False) -> None:
        """Send a request after those before it and after the audio so far. Without a connection it is for nothing,
        unless it may be sent on the next as well."""
        if self._session is not None or also_next:
            self._requests.append(request)
            self._work.set()

    def forget_caller(self) -> None:
        """Nothing the caller has said is to be answered any more."""
        self._audio.clear()
        self._turn = UnansweredTurn(self._rate)
        self._held = HeldAudio(self._rate) if self._held is not None else None

    def instruct(self) -> None:
        """Have the model go on under the present instructions, with the present tools."""
        opening = self._opening()

        async def request(session: SpeechSession) -> None:
            await session.instruct(opening.instructions, opening.tools)

        self.ask(request)

    def hold(self) -> None:
        """From now on the model hears silence."""
        self._held = self._held or HeldAudio(self._rate)

    @property
    def holds_speech(self) -> bool:
        """Whether the caller said something the model has still to hear."""
        return self._held is not None and self._held.spoken

    def release(self) -> None:
        """After what was asked before, let the model hear what was held, and what comes."""
        self.ask(self._let_hear)

    async def _let_hear(self, session: SpeechSession) -> None:
        held, self._held = self._held, None
        if held is not None and held.pcm:
            self._turn.take(held.pcm, speaking=True, connected=True)
            await session.feed(held.pcm)

    def give_up(self, failure: ProviderError) -> None:
        """This connection is of no use any more: take another."""
        self._leave(failure)

    def renew(self) -> None:
        """Take another connection, for it starts from other instructions."""
        self._leave(None)

    def _fell_silent(self) -> None:
        self.give_up(ProviderError("realtime", "fell silent in the middle of an answer", retryable=True))

    def _leave(self, failure: ProviderError | None) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(failure)

    async def run(self) -> None:
        """Keep a connection open until cancelled or broken for good."""
        retried_at = over_at = -math.inf
        renewed = False
        try:
            while True:
                failure = await self._one_connection(renewed=renewed)
                if renewed := failure is None:
                    continue
                now = self._loop.time()
                if isinstance(failure, SessionOverError) and now - over_at > _HEALTHY_AFTER_SECONDS:
                    over_at = now
                    continue
                self._figures.errors.append(str(failure))
                if now - retried_at <= _HEALTHY_AFTER_SECONDS or not failure.retryable:
                    self._post(ModelFailed(failure))
                    return
                retried_at = now
                self._figures.provider_retries += 1
        finally:
            await self._drop_session()

    async def _one_connection(self, *, renewed: bool) -> ProviderError | None:
        """Connect and use the connection until it breaks; returns what broke it, None when it was given up."""
        self._broken = self._loop.create_future()
        self._requests.clear()
        self.begun += 1
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_SECONDS):
                session = self._session = await self._model.open(self._rate, self._opening())
        except ProviderError as failure:
            return failure
        except TimeoutError:
            return ProviderError("realtime", "no connection in time", retryable=True)
        if again := self._turn.to_hear():
            self._audio[:] = again
            self._work.set()
        self._model_rate = session.sample_rate
        self.connections += 1
        self._post(ModelConnected(again=self.connections > 1, renewed=renewed, hears_again=bool(again)))
        watch = AnswerWatch(session.sample_rate, self._fell_silent)
        workers: list[asyncio.Future[Any]] = [
            asyncio.create_task(self._send(session)),
            asyncio.create_task(self._receive(session, watch)),
        ]
        try:
            await asyncio.wait([*workers, self._broken], return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                if worker.done():
                    worker.result()  # a defect of an adapter ends the call in order
            return await self._broken
        finally:
            watch.stop()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            self._post(ModelLost())
            await self._drop_session()

    async def _send(self, session: SpeechSession) -> None:
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                async with asyncio.timeout(_SEND_TIMEOUT_SECONDS):
                    await self._send_waiting(session)
        except ProviderError as failure:
            self.give_up(failure)
        except TimeoutError:
            self.give_up(ProviderError("realtime", "takes no more audio", retryable=True))

    async def _send_waiting(self, session: SpeechSession) -> None:
        pcm = bytes(self._audio)
        self._audio.clear()
        if pcm:
            await session.feed(pcm)
        while self._requests:
            await self._requests.popleft()(session)

    async def _receive(self, session: SpeechSession, watch: AnswerWatch) -> None:
        try:
            async for event in session.events():
                if isinstance(event, AgentAudio | AgentWords):
                    self._answering = True
                elif isinstance(event, AgentTurnOver | CallsWanted):
                    self._answering = False
                self._turn.observe(event)
                watch.observe(event)
                self._post(event)
        except ProviderError as failure:
            self.give_up(failure)
        else:
            self.give_up(ProviderError("realtime", "closed the connection", retryable=True))

    async def _drop_session(self) -> None:
        session, self._session = self._session, None
        self._lost_an_end, self._answering = self.lacks_figures, False
        if session is not None:
            self._spent = add_usage(self._spent, session.usage)
            await session.close()
