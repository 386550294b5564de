"""A vendor whose connection breaks once in mid-answer: the next attempt finishes what the first began."""

import json

import pytest

from media.conversation.figures import CallFigures
from media.speech.fallback.chain import Chain
from media.speech.fallback.model import FallbackModel
from media.speech.fallback.voice import FallbackVoice
from media.speech.interfaces import ChatFinished, ChatMessage, ChatModel, Synthesiser, TextDelta
from tests.fakes.openai import Answer, Chat
from tests.fakes.server import GOOD_KEY, Trouble
from tests.media.speech.vendors import CHATS, SENTENCE, VOICES


def broken_once() -> Trouble:
    return Trouble(drop_after=2, drop_once=True, between_delay=0.05)


@pytest.mark.parametrize("name", CHATS)
async def test_an_answer_that_broke_is_continued_after_its_last_word(name: str, question: list[ChatMessage]) -> None:
    figures = CallFigures()
    chat = Chat([Answer(["We are", " open"]), Answer(["open from", " nine to five."])])

    async with CHATS[name].fake(broken_once(), chat=chat) as server:

        async def open_it() -> ChatModel:
            return CHATS[name].open(server.url, GOOD_KEY)

        model = FallbackModel(Chain([open_it], figures))
        events = [event async for event in model.stream(question, [])]
        await model.close()
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert said == "We are open from nine to five."
    assert isinstance(events[-1], ChatFinished)
    assert figures.provider_retries == 1
    [_, again] = map(json.dumps, server.requests)
    assert again.index("We are") < again.index("Continue exactly after your last word")


@pytest.mark.parametrize("name", VOICES)
async def test_a_sentence_that_broke_is_finished_without_a_repetition(name: str) -> None:
    async with VOICES[name].fake(None) as server:
        voice = VOICES[name].open(server.url, GOOD_KEY)
        whole = b"".join([pcm async for pcm in voice.stream(SENTENCE)])
        await voice.close()
    figures = CallFigures()
    async with VOICES[name].fake(broken_once()) as server:

        async def open_it() -> Synthesiser:
            return VOICES[name].open(server.url, GOOD_KEY)

        again = await FallbackVoice.opened(Chain([open_it], figures))
        spoken = b"".join([pcm async for pcm in again.stream(SENTENCE)])
        await again.close()
    assert spoken == whole
    assert (figures.provider_retries, len(server.requests)) == (1, 2)
