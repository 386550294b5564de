"""The peer: a stock pipecat pipeline (20 ms frames, its own VADProcessor) over the same SIP library.

Runs in its own environment (requirements/bench-peer.txt) and imports nothing of the project. It answers every call on
`--port`; at the end of each utterance (`--stop-secs` of quiet) it waits as long as the stand-in recogniser and
synthesiser would (`--reply-after` seconds), then speaks `--reply-seconds` of tone. With `--start-secs` a caller who
speaks for so long interrupts it. Prints a JSON line of figures every two seconds.
"""

import argparse
import asyncio
import json
import time
from collections import deque

import numpy as np
import psutil
from baresip import (
    Account,
    AudioNotActive,
    AudioRestarted,
    BaresipError,
    CallState,
    Config,
    Event,
    Runtime,
    UserAgent,
)
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    InputAudioRawFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.filters.identity_filter import IdentityFilter
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

RATE = 8000
FRAME_SECONDS = 0.02
FRAME_BYTES = int(RATE * FRAME_SECONDS) * 2
TONE = (np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) * 8000).astype("<i2").tobytes()


class SipInput(BaseInputTransport):
    """Pushes 20 ms frames of a call into the pipeline."""

    def __init__(self, call, params):
        super().__init__(params)
        self._call = call
        self._reading = None

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._reading = self.create_task(self._read())

    async def stop(self, frame):
        await super().stop(frame)
        await self._stop_reading()

    async def cancel(self, frame):
        await super().cancel(frame)
        await self._stop_reading()

    async def _stop_reading(self):
        if self._reading:
            await self.cancel_task(self._reading)
            self._reading = None

    async def _read(self):
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._call.state is not CallState.CLOSED:
            try:
                pcm = self._call.audio.read(FRAME_BYTES * 4)
                for at in range(0, len(pcm), FRAME_BYTES):
                    await self.push_audio_frame(
                        InputAudioRawFrame(audio=pcm[at : at + FRAME_BYTES], sample_rate=RATE, num_channels=1)
                    )
            except (AudioNotActive, AudioRestarted):
                pass
            due += FRAME_SECONDS
            await asyncio.sleep(max(0, due - loop.time()))


class SipOutput(BaseOutputTransport):
    """Writes frames to the call, paced by the library's own buffer."""

    def __init__(self, call, params):
        super().__init__(params)
        self._call = call

    async def start(self, frame):
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame):
        try:
            self._call.audio.write(frame.audio)
            ahead = self._call.audio.info().tx_buffered - FRAME_BYTES
            if ahead > 0:
                await asyncio.sleep(ahead / (RATE * 2))
        except BaresipError:
            return False
        return True


class StandIn(FrameProcessor):
    """Recogniser, model and synthesiser of known delay."""

    def __init__(self, arguments, counter):
        super().__init__()
        self._reply_after = arguments.reply_after
        self._reply_seconds = arguments.reply_seconds
        self._interruptible = arguments.start_secs is not None
        self._counter = counter
        self._replying = None

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            return
        if isinstance(frame, VADUserStartedSpeakingFrame) and self._interruptible and self._replying:
            await self.cancel_task(self._replying)
            self._replying = None
            await self.broadcast_interruption()
        if isinstance(frame, VADUserStoppedSpeakingFrame) and not self._replying:
            self._replying = self.create_task(self._reply())
        await self.push_frame(frame, direction)

    async def _reply(self):
        await asyncio.sleep(self._reply_after)
        self._counter["turns"] += 1
        for _ in range(self._reply_seconds):
            await self.push_frame(TTSAudioRawFrame(audio=TONE, sample_rate=RATE, num_channels=1))
        await asyncio.sleep(self._reply_seconds)
        self._replying = None


def pipeline(call, arguments, counter):
    """The stock pipeline of one call."""
    params = TransportParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_sample_rate=RATE,
        audio_out_sample_rate=RATE,
        audio_out_10ms_chunks=2,
    )
    start = {} if arguments.start_secs is None else {"start_secs": arguments.start_secs}
    detection = VADParams(stop_secs=arguments.stop_secs, **start)
    vad = VADProcessor(vad_analyzer=SileroVADAnalyzer(sample_rate=RATE, params=detection))
    stages = [SipInput(call, params), vad, *(IdentityFilter() for _ in range(3))]
    stages += [StandIn(arguments, counter), SipOutput(call, params)]
    return PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        cancel_on_idle_timeout=False,
        enable_rtvi=False,
    )


async def measure_lag(late):
    """Record how late a 10 ms sleep wakes, in seconds."""
    loop = asyncio.get_running_loop()
    while True:
        before = loop.time()
        await asyncio.sleep(0.01)
        late.append(loop.time() - before - 0.01)


async def report(late, counter):
    """Print the figures of every two seconds."""
    process = psutil.Process()
    process.cpu_percent()
    while True:
        await asyncio.sleep(2)
        figures = {
            "late_ms": [round(wait * 1000, 1) for wait in late],
            "cpu_pct": process.cpu_percent(),
            "rss_mb": process.memory_info().rss / 2**20,
            "calls": counter["calls"],
            "turns": counter["turns"],
            "at": time.time(),
        }
        late.clear()
        print(json.dumps(figures), flush=True)


async def main():
    """Answer calls until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rtp-ports", required=True)
    parser.add_argument("--reply-after", type=float, required=True)
    parser.add_argument("--reply-seconds", type=int, default=1)
    parser.add_argument("--stop-secs", type=float, default=0.4)
    parser.add_argument("--start-secs", type=float)
    arguments = parser.parse_args()
    logger.remove()
    runtime = Runtime()
    listen = f"sip_listen 127.0.0.1:{arguments.port}\nrtp_ports {arguments.rtp_ports}\naudio_jitter_buffer_type off\n"
    await runtime.start(Config(net_interface="127.0.0.1", max_concurrent_calls=None, extra_config_text=listen))
    account = Account("agent", "127.0.0.1", "", reg_interval=0, extra_params=("catchall=yes",))
    agent = await UserAgent.create(runtime, account)
    runner = WorkerRunner(handle_sigint=False)
    counter = {"calls": 0, "turns": 0}
    tasks = set()

    def start(coroutine):
        task = asyncio.ensure_future(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def take(call):
        worker = pipeline(call, arguments, counter)

        def on_event(event):
            if event.event is Event.CALL_CLOSED:
                counter["calls"] -= 1
                start(worker.cancel())

        call.on(on_event)
        counter["calls"] += 1
        await runner.add_workers(worker)
        await call.answer(video=True)

    agent.on_incoming(lambda call: start(take(call)))
    late = deque()
    start(measure_lag(late))
    start(runner.run(auto_end=False))
    print(json.dumps({"up": True}), flush=True)
    await report(late, counter)


asyncio.run(main())
