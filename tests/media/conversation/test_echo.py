"""The agent's own voice coming back, and callers who are not it: real voices, simulated lines."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from media.audio.echo import EchoDetector
from media.audio.resample import StreamResampler
from media.speech.local.models import local_models

RATE = 8000
PACKET = 160
LINES = [
    "On Saturday we are open from nine to one. During the week we open at eight in the morning.",
    "A check-up costs forty five euros. Would you like to book an appointment for next week?",
    "Thank you for calling Riverside Dental, my name is Anna, how can I help you today?",
]
Sound = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def agent(model_cache: Path) -> list[Sound]:
    voice = local_models(model_cache).hibari
    spoken = []
    for line in LINES:
        whole = np.clip(np.concatenate(voice.speak(line)), -1, 1) * 32767
        pcm = StreamResampler(24_000, RATE).push(whole.astype("<i2").tobytes())
        sound = np.frombuffer(pcm, "<i2").astype(float)
        spoken.append(sound * 3000 / np.sqrt((sound**2).mean()))
    return spoken


def callers() -> list[Sound]:
    found = []
    for path in sorted(Path("tests/samples/caller").glob("*.wav")):
        with wave.open(str(path)) as file:
            if file.getframerate() == RATE and file.getnchannels() == 1:
                found.append(np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float))
    return found


def line(sound: Sound, generator: np.random.Generator) -> bytes:
    """Noise, and G.711's steps."""
    level = np.clip((sound + generator.normal(size=sound.size) * 20) / 32768, -1, 1)
    coded = np.round(np.sign(level) * np.log1p(255 * abs(level)) / np.log1p(255) * 127) / 127
    return np.clip(np.sign(coded) * (256.0 ** abs(coded) - 1) / 255 * 32767, -32768, 32767).astype("<i2").tobytes()


def returned(sound: Sound, delay: float, loss_db: float, generator: np.random.Generator) -> Sound:
    """Through a loudspeaker, a room and a microphone."""
    room = generator.normal(size=1200) * np.exp(-np.arange(1200) / 240) * 0.15
    room[0] = 1
    back = np.convolve(sound, room)[: sound.size]
    back -= np.concatenate([[0], back[:-1]]) * 0.6
    back *= np.sqrt((sound**2).mean() / (back**2).mean()) * 10 ** (-loss_db / 20)
    return np.concatenate([np.zeros(int(delay * RATE)), back])[: sound.size]


def loud_stretches(sound: Sound, seconds: float) -> list[tuple[float, float]]:
    """Where somebody speaks most of the time, every 0.1 s; not before an echo could have been compared."""
    frames = sound[: sound.size // PACKET * PACKET].reshape(-1, PACKET)
    level = 10 * np.log10((frames**2).mean(axis=1) + 100)
    voiced, length = level > np.percentile(level, 95) - 25, int(seconds / 0.02)
    starts = range(40, voiced.size - length, 5)
    return [(start * 0.02, (start + length) * 0.02) for start in starts if voiced[start : start + length].mean() > 0.7]


def judged(played: Sound, came: bytes, stretches: list[tuple[float, float]], jitter: np.random.Generator) -> list[bool]:
    """Play and hear in packets; asked at the end of each stretch, as a call would."""
    detector = EchoDetector(RATE)
    questions, verdicts = sorted(stretches, key=lambda stretch: stretch[1]), []
    for start in range(0, len(came) // 2 - PACKET, PACKET):
        now = (start + PACKET) / RATE
        detector.played(played[start : start + PACKET].astype("<i2").tobytes(), start / RATE)
        detector.arrived(came[2 * start : 2 * (start + PACKET)], now + jitter.uniform(0, 0.015))
        while questions and questions[0][1] <= now:
            verdicts.append(detector.is_echo(*questions.pop(0)))
    return verdicts


@pytest.mark.parametrize("loss_db", [6, 15, 25])
@pytest.mark.parametrize("delay", [0.03, 0.15, 0.3])
@pytest.mark.parametrize("seconds", [0.3, 0.5])
def test_an_echo_is_known(agent: list[Sound], delay: float, loss_db: float, seconds: float) -> None:
    generator = np.random.default_rng(5)
    verdicts = []
    for spoken in agent:
        back = returned(spoken, delay, loss_db, generator)
        verdicts += judged(spoken, line(back, generator), loud_stretches(back, seconds), generator)
    assert len(verdicts) > 50
    assert np.mean(verdicts) >= 0.93


@pytest.mark.parametrize("seconds", [0.3, 0.5])
def test_a_caller_over_the_agent_is_no_echo(agent: list[Sound], seconds: float) -> None:
    generator = np.random.default_rng(6)
    verdicts = []
    for spoken in agent:
        for voice in callers():
            alone = np.zeros_like(spoken)
            length = min(voice.size, alone.size - RATE)
            alone[RATE : RATE + length] = voice[:length]
            verdicts += judged(spoken, line(alone, generator), loud_stretches(alone, seconds), generator)
    assert len(verdicts) > 300
    assert np.mean(verdicts) <= 0.01


def test_a_caller_over_a_soft_echo_is_heard(agent: list[Sound]) -> None:
    generator = np.random.default_rng(7)
    verdicts = []
    for spoken in agent:
        for voice in callers():
            alone = np.zeros_like(spoken)
            length = min(voice.size, alone.size - RATE)
            alone[RATE : RATE + length] = voice[:length]
            both = alone + returned(spoken, 0.12, 20, generator)
            verdicts += judged(spoken, line(both, generator), loud_stretches(alone, 0.5), generator)
    assert np.mean(verdicts) <= 0.03


def test_what_was_taken_back_is_not_expected_to_return(agent: list[Sound]) -> None:
    detector = EchoDetector(RATE)
    pcm = agent[0][: 2 * RATE].astype("<i2").tobytes()
    detector.played(pcm, 0.0)
    detector.taken_back(0.2)
    detector.arrived(pcm[RATE : 3 * RATE], 1.5)
    assert not detector.is_echo(1.0, 1.5)


def test_a_question_costs_no_call_its_rhythm(agent: list[Sound]) -> None:
    detector = EchoDetector(RATE)
    pcm = agent[0][:RATE].astype("<i2").tobytes()
    detector.played(pcm, 0.0)
    detector.arrived(pcm, 1.1)

    async def ask() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for _ in range(20):
            detector.is_echo(0.6, 1.1)
        return (loop.time() - started) / 20

    assert asyncio.run(ask()) < 0.02  # a millisecond on an idle machine
