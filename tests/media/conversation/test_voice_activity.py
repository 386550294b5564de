"""The real Silero and smart-turn models on recorded telephone speech."""

import asyncio
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from media.audio.resample import StreamResampler
from media.audio.smart_turn import SmartTurn
from media.audio.vad import SileroWorker, VoiceDetectorDiedError, VoiceWindow

SAMPLES = Path("tests/samples/caller")


def recording(name: str, rate: int = 8000) -> bytes:
    with wave.open(str(SAMPLES / name)) as file:
        resampler = StreamResampler(file.getframerate(), rate)
        return resampler.push(file.readframes(file.getnframes())) + resampler.flush()


async def judge(worker: SileroWorker, pcm: bytes, rate: int, packet: int = 320) -> list[VoiceWindow]:
    """Push a recording as packets arriving in their own time; the windows of all of it."""
    windows: list[VoiceWindow] = []
    channel = worker.open(rate, windows.extend)
    for end in range(packet, len(pcm) + 1, packet):
        channel.push(pcm[end - packet : end], end / 2 / rate)
    worker.kick()
    while channel.backlog > 0.032:
        await asyncio.sleep(0.005)
    channel.close()
    return windows


def voiced_span(windows: Sequence[VoiceWindow]) -> tuple[float, float]:
    voiced = [window for window in windows if window.probability > 0.5]
    return voiced[0].start, voiced[-1].end


def loud_span(pcm: bytes, rate: int) -> tuple[float, float]:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) > 600)
    return loud[0] / rate, loud[-1] / rate


@pytest.mark.parametrize("name", ["hello_hours.wav", "price_f.wav", "book_tuesday.wav", "long_story.wav"])
@pytest.mark.parametrize("rate", [8000, 16000])
async def test_speech_is_found_where_it_is_in_the_recording(model_cache: Path, name: str, rate: int) -> None:
    worker = SileroWorker(model_cache)
    pcm = recording(name, rate)
    try:
        windows = await judge(worker, pcm, rate)
    finally:
        worker.close()
    (start, end), (loud_start, loud_end) = voiced_span(windows), loud_span(pcm, rate)
    assert start == pytest.approx(loud_start, abs=0.2)
    assert end == pytest.approx(loud_end, abs=0.35)


async def test_the_first_word_of_a_late_turn_is_heard_like_that_of_the_first(model_cache: Path) -> None:
    worker = SileroWorker(model_cache)
    pause, hello = bytes(2 * 16000), recording("hello_hours.wav")
    others = [recording(f"{name}.wav") for name in ("price_checkup", "book_tuesday", "price_f", "hello_f", "book_f")]
    pcm = pause.join([b"", hello, *others, hello])
    try:
        windows = await judge(worker, pcm, 8000)
    finally:
        worker.close()
    starts = [
        len(pause) / 16000 + loud_span(hello, 8000)[0],
        (len(pcm) - len(hello)) / 16000 + loud_span(hello, 8000)[0],
    ]
    first, late = (
        sum(w.probability > 0.5 for w in windows if start <= w.end <= start + 0.45) * 0.032 for start in starts
    )
    assert first > 0.35
    assert late > 0.35


async def test_silence_and_noise_are_not_speech(model_cache: Path) -> None:
    worker = SileroWorker(model_cache)
    noise = (np.random.default_rng(1).standard_normal(16000) * 200).astype("<i2").tobytes()
    try:
        judged = [*await judge(worker, bytes(32000), 8000), *await judge(worker, noise, 8000)]
    finally:
        worker.close()
    assert sum(window.probability > 0.5 for window in judged) <= 1


async def test_calls_judged_together_are_judged_as_if_alone(model_cache: Path) -> None:
    names = ["hello_hours.wav", "price_f.wav", "book_f.wav", "mhm.wav", "interrupt_m.wav"]
    worker = SileroWorker(model_cache)
    try:
        alone = [await judge(worker, recording(name), 8000) for name in names]
        together = await asyncio.gather(*(judge(worker, recording(name), 8000) for name in names))
    finally:
        worker.close()
    for one, same in zip(alone, together, strict=True):
        assert [w.end for w in one] == [w.end for w in same]
        np.testing.assert_allclose([w.probability for w in one], [w.probability for w in same], atol=1e-4)


async def test_windows_carry_the_moment_their_samples_arrived(model_cache: Path) -> None:
    worker = SileroWorker(model_cache)
    try:
        windows = await judge(worker, bytes(16000), 8000)
    finally:
        worker.close()
    assert [window.end for window in windows] == pytest.approx([0.032 * n for n in range(1, 32)], abs=0.002)


async def test_a_closed_call_gets_nothing_more(model_cache: Path) -> None:
    worker = SileroWorker(model_cache)
    windows: list[VoiceWindow] = []
    try:
        channel = worker.open(8000, windows.extend)
        channel.push(bytes(8000), 0.5)
        channel.close()
        worker.kick()
        await judge(worker, bytes(1600), 8000)
    finally:
        worker.close()
    assert windows == []


async def test_a_dead_detector_is_noticed_by_the_next_push(model_cache: Path) -> None:
    worker = SileroWorker(model_cache)
    channel = worker.open(8000, lambda windows: None)
    worker.died = RuntimeError("model broke")
    with pytest.raises(VoiceDetectorDiedError):
        channel.push(bytes(320), 0.02)
    worker.close()


async def test_a_detector_that_dies_says_so_at_once(model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died = asyncio.Event()
    worker = SileroWorker(model_cache, died.set)
    monkeypatch.setattr(worker, "_session", None)
    worker.open(8000, lambda windows: None).push(bytes(1024), 0.064)
    worker.kick()
    async with asyncio.timeout(5):
        await died.wait()
    assert worker.died is not None
    worker.close()


async def test_smart_turn_tells_a_finished_question_from_a_half_one(model_cache: Path) -> None:
    predictor = SmartTurn(model_cache)
    pcm = recording("hello_f.wav")
    start, end = loud_span(pcm, 8000)
    half, whole = int((start + (end - start) * 0.5) * 16000), int((end + 0.2) * 16000)
    try:
        assert await predictor.is_complete(pcm[: whole // 2 * 2], 8000)
        assert not await predictor.is_complete(pcm[: half // 2 * 2], 8000)
    finally:
        predictor.close()
