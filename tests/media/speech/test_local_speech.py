"""The keyless models on real sound: the committed recordings, and our own voice heard again."""

import asyncio
import json
from collections.abc import Callable

import numpy as np
import pytest

from media.speech.interfaces import ChatMessage, TextDelta, ToolCall, ToolSpec, Transcript
from media.speech.local.intents import IntentModel
from media.speech.local.models import LocalModels
from media.speech.local.pcm import Samples, from_pcm, resample, to_pcm
from media.speech.local.recogniser import LocalRecogniser
from media.speech.local.synthesiser import LocalSynthesiser
from tests.fakes.assistant import RIVERSIDE, RIVERSIDE_TOOLS, instructions_of
from tests.media.speech.hearing import Recording, recordings, word_errors, words_of

RECORDINGS = recordings()
PHONE_RATE = 8000


async def hear(models: LocalModels, pcm: bytes, rate: int) -> str:
    """What is recognised when the audio comes in 20 ms packets."""
    session = await LocalRecogniser(models, interim=False).open(rate)
    packet = rate // 50 * 2
    for at in range(0, len(pcm), packet):
        await session.feed(pcm[at : at + packet])
    text = await session.finalise()
    await session.close()
    return text


async def speak(models: LocalModels, text: str) -> bytes:
    """Our voice as it arrives over a telephone line (8 kHz)."""
    voice = LocalSynthesiser(models)
    pcm = b"".join([piece async for piece in voice.stream(text)])
    return to_pcm(resample(from_pcm(pcm), voice.sample_rate, PHONE_RATE))


async def test_recordings_are_heard_with_less_than_15_percent_word_errors(models: LocalModels) -> None:
    spoken = [r for r in RECORDINGS.values() if r.name != "mhm"]
    counts = [word_errors(r.text, await hear(models, r.pcm, r.rate)) for r in spoken]
    wrong, total = sum(w for w, _ in counts), sum(t for _, t in counts)
    assert total > 100
    assert wrong / total < 0.15, f"{wrong} of {total} words"


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.002])
async def test_silence_and_line_noise_are_nothing(models: LocalModels, noise: float) -> None:
    hiss = np.random.default_rng(1).normal(0, noise, PHONE_RATE * 3).astype(np.float32)
    assert await hear(models, to_pcm(hiss), PHONE_RATE) == ""


async def test_long_silence_before_speech_costs_no_words_and_no_memory(models: LocalModels) -> None:
    recording = RECORDINGS["price_checkup"]
    session = await LocalRecogniser(models, interim=False).open(recording.rate)
    for _ in range(600):
        await session.feed(bytes(1600))
    assert len(session._audio) <= 2 * recording.rate  # type: ignore[attr-defined]
    await session.feed(recording.pcm)
    assert "check" in (await session.finalise()).lower()
    await session.close()


def key_tone(seconds: float) -> Samples:
    """The key "1" as it sounds on the line."""
    moments = np.arange(int(seconds * PHONE_RATE)) / PHONE_RATE
    return sum(np.sin(2 * np.pi * hertz * moments) * 0.12 for hertz in (697, 1209)).astype(np.float32)  # type: ignore[union-attr]


def knock() -> Samples:
    """A short noise that dies away."""
    fading = np.exp(-np.linspace(0, 5, PHONE_RATE // 5))
    return (np.random.default_rng(1).normal(0, 0.25, len(fading)) * fading).astype(np.float32)


@pytest.mark.parametrize("sound", [key_tone(0.02), key_tone(0.15), knock()], ids=["tone's end", "tone", "knock"])
@pytest.mark.parametrize("pause", [0.5, 1.0, 4.0, 16.0])
async def test_a_sound_before_speech_costs_no_words(models: LocalModels, sound: Samples, pause: float) -> None:
    recording = RECORDINGS["price_checkup"]
    line = to_pcm(sound) + bytes(int(pause * PHONE_RATE) * 2)
    heard = await hear(models, line + recording.pcm, recording.rate)
    assert word_errors(recording.text, heard) == (0, 7), heard


async def test_a_sound_and_speech_fed_at_once_are_heard_as_if_in_packets(models: LocalModels) -> None:
    recording = RECORDINGS["price_checkup"]
    session = await LocalRecogniser(models).open(recording.rate)
    await session.feed(to_pcm(key_tone(0.1)) + bytes(4 * PHONE_RATE) + recording.pcm)
    assert word_errors(recording.text, await session.finalise()) == (0, 7)
    await session.close()


async def test_speech_in_pieces_is_one_text_in_order(models: LocalModels) -> None:
    parts = [RECORDINGS[name] for name in ("price_checkup", "name_johnson", "book_tuesday")]
    pause = bytes(int(0.8 * PHONE_RATE) * 2)
    heard = await hear(models, pause.join(part.pcm for part in parts), PHONE_RATE)
    wrong, total = word_errors(" ".join(part.text for part in parts), heard)
    assert wrong / total < 0.15, heard


async def test_two_utterances_do_not_mix(models: LocalModels) -> None:
    first, second = RECORDINGS["price_checkup"], RECORDINGS["name_johnson"]
    session = await LocalRecogniser(models, interim=False).open(first.rate)
    await session.feed(first.pcm)
    speculative = asyncio.ensure_future(session.finalise())
    await asyncio.sleep(0)
    await session.feed(second.pcm)
    assert word_errors(first.text, await speculative)[0] <= 1
    assert word_errors(second.text, await session.finalise())[0] <= 1
    await session.close()


async def test_an_utterance_of_half_a_minute_is_heard_to_its_end(models: LocalModels) -> None:
    parts = [RECORDINGS[name] for name in ("long_story", "voicemail_en", "book_tuesday", "long_story")]
    said = " ".join(part.text for part in parts)
    heard = await hear(models, b"".join(part.pcm for part in parts), PHONE_RATE)
    wrong, total = word_errors(said, heard)
    assert wrong / total < 0.15, heard


async def test_interim_text_comes_before_the_final_one(models: LocalModels) -> None:
    recording = RECORDINGS["long_story"]
    session = await LocalRecogniser(models).open(recording.rate)
    second = recording.rate * 2
    for at in range(0, len(recording.pcm), second):
        await session.feed(recording.pcm[at : at + second])
        await asyncio.sleep(0)  # what was begun by this audio is under way
        await _until(lambda: models.idle)
    final = await session.finalise()
    await session.close()
    transcripts: list[Transcript] = [t async for t in session.transcripts()]
    interim = [t.text for t in transcripts if not t.final]
    assert interim
    assert words_of(interim[-1])[:6] == words_of(recording.text)[:6]
    assert transcripts[-1] == Transcript(final, final=True)
    assert session.usage.audio_seconds == pytest.approx(len(recording.pcm) / second, abs=0.01)


async def test_recognition_does_not_hold_up_the_event_loop(models: LocalModels) -> None:
    recording = RECORDINGS["long_story"]
    hearing = asyncio.ensure_future(hear(models, recording.pcm, recording.rate))
    ticks = 0
    while not hearing.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert await hearing
    assert ticks > 10


async def test_interim_text_of_an_utterance_that_has_ended_is_not_told(models: LocalModels) -> None:
    recording = RECORDINGS["price_checkup"]
    session = await LocalRecogniser(models).open(recording.rate)
    await session.feed(recording.pcm[: -recording.rate // 5 * 2])
    final = await session.finalise()
    await _until(lambda: models.idle)
    await session.close()
    assert [t async for t in session.transcripts()] == [Transcript(final, final=True)]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("On Saturday we are open from 9:00 to 13:00.", "saturday nine one"),
        ("A check-up costs €45.50.", "forty five euros fifty cents"),
        ("You can reach us at 020 123 4567.", "zero two zero one two three four five six seven"),
        ("Your appointment is on March 24th at 15:30.", "march twenty fourth three thirty"),
    ],
)
async def test_spoken_facts_are_understood_over_the_telephone(models: LocalModels, text: str, facts: str) -> None:
    heard = words_of(await hear(models, await speak(models, text), PHONE_RATE))
    missing = [word for word in facts.split() if word not in heard]
    assert not missing, " ".join(heard)


async def test_the_voice_starts_and_ends_without_silence(models: LocalModels) -> None:
    pcm = await speak(models, "Hello, how can I help you?")
    loud = np.flatnonzero(np.abs(from_pcm(pcm)) > 0.02)
    assert loud[0] / PHONE_RATE < 0.1
    assert (len(pcm) / 2 - loud[-1]) / PHONE_RATE < 0.3


@pytest.mark.parametrize("text", ["", "   ", "...", "?!"])
async def test_nothing_to_say_is_no_sound(models: LocalModels, text: str) -> None:
    assert len(await speak(models, text)) < PHONE_RATE


async def test_the_same_sentence_sounds_the_same(models: LocalModels) -> None:
    assert await speak(models, "Good morning.") == await speak(models, "Good morning.")


CONVERSATIONS = [
    ["hello_hours", "price_checkup", "book_tuesday", "name_johnson", "thanks_goodbye"],
    ["hello_f", "price_f", "book_f", "name_johnson", "goodbye_f"],
]


@pytest.mark.parametrize("turns", CONVERSATIONS, ids=["male", "female"])
async def test_riverside_dental_answers_the_recordings_over_the_telephone(
    models: LocalModels, turns: list[str]
) -> None:
    """Recording -> recogniser -> model -> voice -> recogniser: the right facts are heard at the far end."""
    heard, calls = await _call(models, [RECORDINGS[turn] for turn in turns])
    assert {"saturday", "nine", "one"} <= set(words_of(heard[0])), heard[0]
    price = "forty" if "price_checkup" in turns else "sixty"
    assert {price, "euros"} <= set(words_of(heard[1])), heard[1]
    assert "name" in words_of(heard[2]), heard[2]
    assert "booked" in words_of(heard[3]), heard[3]
    assert "goodbye" in words_of(heard[4]), heard[4]
    day, time = ("next Tuesday", "3:30") if "book_tuesday" in turns else ("tomorrow", "9:00")
    assert [(call.name, dict(call.arguments)) for call in calls] == [
        ("book_appointment", {"day": day, "time": time, "name": "Peter Johnson"}),
        ("end_call", {}),
    ]


async def _call(models: LocalModels, turns: list[Recording]) -> tuple[list[str], list[ToolCall]]:
    model = IntentModel(models)
    messages = [ChatMessage("system", instructions_of(RIVERSIDE)), ChatMessage("assistant", RIVERSIDE["first_message"])]
    heard, calls = list[str](), list[ToolCall]()
    for turn in turns:
        messages.append(ChatMessage("user", await hear(models, turn.pcm, turn.rate)))
        said, wanted = await _answer(model, messages, RIVERSIDE_TOOLS)
        calls += wanted
        for call in (c for c in wanted if c.name == "book_appointment"):
            messages.append(ChatMessage("assistant", said, (call,)))
            result = {"message": f"Your appointment is booked for {call.arguments['day']}."}
            messages.append(ChatMessage("tool", json.dumps(result), tool_call_id=call.id))
            said, _ = await _answer(model, messages, RIVERSIDE_TOOLS)
        messages.append(ChatMessage("assistant", said))
        heard.append(await hear(models, await speak(models, said), PHONE_RATE))
    return heard, calls


async def _answer(model: IntentModel, messages: list[ChatMessage], tools: list[ToolSpec]) -> tuple[str, list[ToolCall]]:
    events = [event async for event in model.stream(messages, tools)]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return text, [event for event in events if isinstance(event, ToolCall)]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
