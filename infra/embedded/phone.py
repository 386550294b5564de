"""The demonstration caller: `python -m infra.embedded.phone sip:+31201234567@127.0.0.1:5060 hello.wav price.wav`.

Dials, plays each WAV when the agent has spoken and then been silent for a while, hangs up after the last answer (or
is hung up on), and records both sides. Prints one JSON line an event; exits 1 when the call failed.
"""

import argparse
import asyncio
import json
import sys
import time
import wave
from array import array
from pathlib import Path

from baresip.call import Call, CallState
from baresip.config import Account, Config
from baresip.errors import AudioNotActive, AudioRestarted, BaresipError
from baresip.events import Event, StackEvent
from baresip.runtime import Runtime
from baresip.ua import UserAgent

RATE = 8000
TICK_SECONDS = 0.02
FRAME_BYTES = int(RATE * TICK_SECONDS) * 2
LOUD = 300
"""Peak of a frame, of 32,767, from which on the agent counts as speaking: well above line noise, below soft speech."""
SILENCE = bytes(FRAME_BYTES)


class PhoneError(Exception):
    """The call cannot be made as asked; one line for a person."""


def read_wav(path: Path) -> bytes:
    """The samples of a WAV of 8 kHz, 16 bit, mono. Raises PhoneError."""
    try:
        with wave.open(str(path)) as file:
            form = file.getframerate(), file.getsampwidth(), file.getnchannels()
            pcm: bytes = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as problem:
        raise PhoneError(f"{path}: cannot be read as WAV ({problem})") from None
    if form != (RATE, 2, 1):
        raise PhoneError(f"{path}: must be {RATE} Hz, 16 bit, mono")
    return pcm


def write_stereo(path: Path, left: bytes, right: bytes) -> None:
    """Write caller (left) and agent (right) as one WAV; the shorter side is filled with silence."""
    length = max(len(left), len(right)) // 2
    mixed = array("h", bytes(4 * length))
    for channel, pcm in ((0, left), (1, right)):
        samples = array("h", pcm[: len(pcm) & ~1])
        mixed[channel : channel + 2 * len(samples) : 2] = samples
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(mixed.tobytes() if sys.byteorder == "little" else _swapped(mixed))


def _swapped(samples: "array[int]") -> bytes:
    samples.byteswap()
    return samples.tobytes()


class Turns:
    """When to speak: after the agent has spoken and been silent for `pause` seconds, or never began for `patience`."""

    def __init__(self, pause: float, patience: float) -> None:
        self._pause = pause
        self._patience = patience
        self.restart(0.0)

    def restart(self, now: float) -> None:
        """Wait for the agent anew."""
        self._heard = False
        self._since = now

    def hear(self, frame: bytes, now: float) -> None:
        """Take what the agent said in the last tick."""
        if frame and max(map(abs, array("h", frame))) >= LOUD:
            self._heard = True
            self._since = now

    def may_speak(self, now: float) -> bool:
        """Whether it is our turn."""
        return now - self._since >= (self._pause if self._heard else self._patience)

    @property
    def heard(self) -> bool:
        """Whether the agent has spoken since the last restart."""
        return self._heard


class Phone:
    """One outbound call on a SIP stack of its own."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._wavs = [(path, read_wav(path)) for path in arguments.wavs]
        self._started = time.monotonic()
        self._runtime = Runtime()
        self._closed: str | None = None
        self._caller = bytearray()
        self._agent = bytearray()

    def tell(self, event: str, **fields: object) -> None:
        """Print an event."""
        print(json.dumps({"t": round(time.monotonic() - self._started, 2), "event": event, **fields}), flush=True)

    async def call(self) -> bool:
        """Make the call; whether it went as planned."""
        await self._start()
        try:
            return await self._converse()
        finally:
            await self._runtime.close()

    async def _start(self) -> None:
        arguments = self._arguments
        listen = f"sip_listen 127.0.0.1:{arguments.port}\n" if arguments.port else ""
        first, last = arguments.rtp_ports.split("-")
        text = f"{listen}rtp_ports {first}-{last}\naudio_jitter_buffer_type off\n"
        try:
            await self._runtime.start(
                Config(net_interface="127.0.0.1", max_concurrent_calls=None, rtp_timeout=10, extra_config_text=text)
            )
        except BaresipError as failed:
            raise PhoneError(f"the phone's SIP stack does not start: {failed}") from None

    async def _converse(self) -> bool:
        arguments = self._arguments
        account = Account(
            arguments.caller, "127.0.0.1", "", reg_interval=0, transport=arguments.transport,
            audio_codecs=("pcmu", "pcma"),
        )  # fmt: skip
        agent = await UserAgent.create(self._runtime, account, transfer_policy="reject")
        self.tell("dialling")
        call = await agent.dial(f"{arguments.uri};transport={arguments.transport}")
        call.on(self._on_event)
        try:
            await call.wait_established(arguments.ring_timeout)
        except BaresipError as failed:
            self.tell("failed", reason=str(failed))
            return False
        self.tell("answered")
        complete = await self._talk(call)
        if arguments.record:
            write_stereo(arguments.record, bytes(self._caller), bytes(self._agent))
            self.tell("recorded", file=str(arguments.record))
        return complete

    async def _talk(self, call: Call) -> bool:
        """Say every WAV in its turn; True when all were said and the last one was answered."""
        arguments = self._arguments
        turns = Turns(arguments.pause, arguments.patience)
        loop = asyncio.get_running_loop()
        turns.restart(loop.time())
        pending, speaking = list(self._wavs), b""
        deadline = tick = loop.time() + arguments.max_seconds
        tick = loop.time()
        answered = False
        while self._closed is None and loop.time() < deadline:
            turns.hear(self._exchange(call, speaking[:FRAME_BYTES]), loop.time())
            if speaking:
                speaking = speaking[FRAME_BYTES:]
                turns.restart(loop.time())
            elif turns.may_speak(loop.time()):
                answered = turns.heard
                if not pending:
                    break
                path, speaking = pending.pop(0)
                self.tell("say", file=path.name)
            tick += TICK_SECONDS
            await asyncio.sleep(max(0.0, tick - loop.time()))
        answered = answered or turns.heard
        await self._hang_up(call)
        self.tell("ended", said=len(self._wavs) - len(pending), of=len(self._wavs), answered=answered)
        return not pending and answered

    def _exchange(self, call: Call, spoken: bytes) -> bytes:
        """Send one frame, take what came, and keep both in step for the recording."""
        frame = spoken.ljust(FRAME_BYTES, b"\0")
        heard = b""
        try:
            call.audio.write(frame)
            heard = call.audio.read(8 * FRAME_BYTES)
        except (AudioNotActive, AudioRestarted):
            pass  # no media at this moment: both sides are silent
        self._caller += frame
        self._agent += heard
        behind = len(self._caller) - len(self._agent)
        if behind > 10 * FRAME_BYTES:  # lost packets shorten what is heard: the recording keeps the clock's time
            self._agent += bytes(behind)
        return heard

    async def _hang_up(self, call: Call) -> None:
        if call.state is CallState.CLOSED:
            return
        try:
            await call.hangup()
        except BaresipError:
            self.tell("already_gone")

    def _on_event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_RINGING:
            self.tell("ringing")
        elif event.event is Event.CALL_CLOSED:
            self._closed = event.text or ""
            self.tell("closed", reason=self._closed)


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="phone", description="Call a SIP address and talk to who answers.")
    parser.add_argument("uri", help="sip:NUMBER@HOST:PORT")
    parser.add_argument("wavs", nargs="*", type=Path, help="8 kHz mono WAV files, said one after another")
    parser.add_argument("--caller", default="+31612345678", help="the number shown")
    parser.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    parser.add_argument("--record", type=Path, help="stereo WAV to write: caller left, agent right")
    parser.add_argument("--pause", type=float, default=1.2, help="seconds of the agent's silence before speaking")
    parser.add_argument("--patience", type=float, default=8.0, help="seconds to wait for an agent who says nothing")
    parser.add_argument("--ring-timeout", type=float, default=20.0)
    parser.add_argument("--max-seconds", type=float, default=120.0)
    parser.add_argument("--port", type=int, default=0, help="SIP port of the phone itself (default: any)")
    parser.add_argument("--rtp-ports", default="27000-27099", help="FIRST-LAST")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    """The command line; the exit code."""
    try:
        return 0 if asyncio.run(Phone(_arguments(given)).call()) else 1
    except PhoneError as problem:
        sys.stderr.write(f"phone: {problem}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
