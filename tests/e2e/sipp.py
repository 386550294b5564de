"""sipp as the phone we did not write: scenarios, their audio, and their verdict."""

import subprocess
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.e2e.wire import ulaw_encode

SAMPLES = Path(__file__).parents[1] / "samples" / "caller"
RATE = 8000

_SDP = """v=0
o=phone 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
"""


def _message(start: str, headers: str, body: str = "") -> str:
    content = "Content-Type: application/sdp\n" if body else ""
    return f"<![CDATA[\n{start}\n{headers.strip()}\n{content}Content-Length: [len]\n\n{body}]]>"


def _request(method: str, sequence: int, *, to_tag: bool, body: str = "", extra: str = "") -> str:
    remote = "[peer_tag_param]" if to_tag else ""
    return _message(
        f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0" if not to_tag else f"{method} [next_url] SIP/2.0",
        f"""Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
{"[routes]" if to_tag else ""}
From: <sip:+31612345678@[local_ip]:[local_port]>;tag=phone-[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{remote}
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:+31612345678@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{extra}""".replace("\n\n", "\n"),
        body,
    )


def _response(status: str, body: str = "") -> str:
    return _message(
        f"SIP/2.0 {status}",
        """[last_Via:]
[last_From:]
[last_To:];tag=phone-[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>""",
        body,
    )


def _plain_response(status: str) -> str:
    return _message(f"SIP/2.0 {status}", "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]")


def _scenario(*steps: str) -> str:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="phone">\n' + "\n".join(steps) + "\n</scenario>\n"
    )


def _play(audio: Path) -> str:
    return f'<nop><action><exec rtp_stream="{audio},1,0,PCMU/8000"/></action></nop>'


INVITE = f'<send retrans="500">{_request("INVITE", 1, to_tag=False, body=_SDP)}</send>'
RINGS = "\n".join(f'<recv response="{status}" optional="true"/>' for status in (100, 180, 183))
ANSWERED = f'{RINGS}\n<recv response="200" rrs="true"/>\n<send>{_request("ACK", 1, to_tag=True)}</send>'
WE_HANG_UP = f'<send retrans="500">{_request("BYE", 2, to_tag=True)}</send>\n<recv response="200"/>'
THEY_HANG_UP = f'<recv request="BYE" timeout="{{timeout}}"/>\n<send>{_plain_response("200 OK")}</send>'


def caller(audio: Path, *, seconds: float, we_hang_up: bool) -> str:
    """Call, play `audio` from the answer on, then hang up after `seconds` or wait that long for the agent to."""
    end = f'<pause milliseconds="{int(seconds * 1000)}"/>\n{WE_HANG_UP}'
    if not we_hang_up:
        end = THEY_HANG_UP.format(timeout=int(seconds * 1000))
    return _scenario(INVITE, ANSWERED, _play(audio), end)


def caller_cancels(after_ms: int) -> str:
    """Call and give up `after_ms` after the first ringing."""
    cancel = _message(
        "CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
        """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-4]
From: <sip:+31612345678@[local_ip]:[local_port]>;tag=phone-[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 CANCEL
Max-Forwards: 70""",
    )
    ack = (
        _request("ACK", 1, to_tag=True)
        .replace("[branch]", "[branch-6]")
        .replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]")
    )
    return _scenario(
        INVITE,
        '<recv response="100" optional="true"/>\n<recv response="180"/>',
        f'<pause milliseconds="{after_ms}"/>',
        f'<send retrans="500">{cancel}</send>',
        '<recv response="200"/>\n<recv response="487"/>',
        f"<send>{ack}</send>",
    )


def refused(status: int) -> str:
    """Call and expect to be refused with `status`."""
    ack = _request("ACK", 1, to_tag=True).replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]")
    return _scenario(INVITE, f'{RINGS}\n<recv response="{status}"/>\n<send>{ack}</send>')


def callee(audio: Path, *, ring_seconds: float, seconds: float, we_hang_up: bool) -> str:
    """Answer a call after ringing, play `audio`, then hang up after `seconds` or wait that long for the platform to."""
    bye = _message(
        "BYE [next_url] SIP/2.0",
        """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: [$to];tag=phone-[call_number]
To: [$from]
Call-ID: [call_id]
CSeq: 7 BYE
Max-Forwards: 70""",
    )
    take = (
        '<recv request="INVITE" rrs="true"><action>'
        '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>'
        '<ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="to"/>'
        "</action></recv>"
    )
    end = f'<pause milliseconds="{int(seconds * 1000)}"/>\n<send retrans="500">{bye}</send>\n<recv response="200"/>'
    if not we_hang_up:
        end = THEY_HANG_UP.format(timeout=int(seconds * 1000)) + '\n<Reference variables="from,to"/>'
    return _scenario(
        take,
        f"<send>{_response('180 Ringing')}</send>",
        f'<pause milliseconds="{int(ring_seconds * 1000)}"/>',
        f'<send retrans="500">{_response("200 OK", _SDP)}</send>',
        '<recv request="ACK"/>',
        _play(audio),
        end,
    )


def callee_refuses(status: str, *, ring_seconds: float = 0.1) -> str:
    """Ring, then refuse with `status`, e.g. `486 Busy Here`."""
    return _scenario(
        '<recv request="INVITE"/>',
        f"<send>{_response('180 Ringing')}</send>",
        f'<pause milliseconds="{int(ring_seconds * 1000)}"/>',
        f'<send retrans="500">{_response(status)}</send>',
        '<recv request="ACK"/>',
    )


def callee_never_answers() -> str:
    """Ring until the caller gives up."""
    terminated = _response("487 Request Terminated").replace("[last_CSeq:]", "CSeq: [$number] INVITE")
    return _scenario(
        '<recv request="INVITE"><action>'
        '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="number"/></action></recv>',
        f"<send>{_response('180 Ringing')}</send>",
        '<recv request="CANCEL" timeout="60000"/>',
        f"<send>{_plain_response('200 OK')}</send>",
        f'<send retrans="500">{terminated}</send>',
        '<recv request="ACK"/>',
    )


@dataclass
class Sipp:
    """A running sipp; `wait` gives its verdict."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, seconds: float) -> int:
        """The exit status: 0 when every step of the scenario happened."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"sipp did not end in {seconds} s: {self.messages()}") from None

    def messages(self) -> str:
        """The SIP messages of the call, for a failing assertion."""
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""


def start(
    scenario: str,
    folder: Path,
    *,
    local_port: int,
    media_port: int,
    remote: str | None = None,
    service: str = "phone",
    transport: str = "u1",
    calls: int = 1,
    rate: int = 1,
) -> Sipp:
    """Run a scenario in the background: as a caller when `remote` (host:port) is given, else waiting for a call."""
    folder.mkdir(parents=True, exist_ok=True)
    file, log = folder / "scenario.xml", folder / "messages.log"
    file.write_text(scenario)
    command = ["sipp", "-sf", str(file), "-i", "127.0.0.1", "-p", str(local_port), "-mi", "127.0.0.1"]
    command += ["-mp", str(media_port), "-t", transport]
    command += ["-m", str(calls), "-r", str(rate), "-s", service, "-nostdin", "-trace_msg", "-message_file", str(log)]
    command += ["-timeout", "180", "-timeout_error"]
    if remote:
        command.append(remote)
    with (folder / "screen.log").open("wb") as screen:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)
    if not remote:
        time.sleep(0.3)
    return Sipp(process, log)


def sample(name: str) -> npt.NDArray[np.int16]:
    """A committed recording of a caller: 8 kHz samples."""
    with wave.open(str(SAMPLES / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def timeline(folder: Path, *parts: float | str, tail: float = 30.0) -> Path:
    """Write what a caller says as raw mu-law: numbers are seconds of silence, names are recordings."""
    pieces = [np.zeros(int(p * RATE), np.int16) if not isinstance(p, str) else sample(p) for p in [*parts, tail]]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "caller.ulaw"
    file.write_bytes(ulaw_encode(np.concatenate(pieces)))
    return file


def word_error_rate(expected: str, heard: str) -> float:
    """Edits per expected word, after lower-casing and dropping punctuation."""
    reference, hypothesis = _words(expected), _words(heard)
    row: Sequence[int] = range(len(hypothesis) + 1)
    for i, word in enumerate(reference, 1):
        previous, row = row, [i]
        for j, other in enumerate(hypothesis, 1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (word != other)))
    return row[-1] / max(1, len(reference))


_SPELLINGS = {
    "checkup": "check up",
    "check-up": "check up",
    "3:30": "three thirty",
    "9": "nine",
    "o'clock": "oclock",
    "okay": "ok",
}


def _words(text: str) -> list[str]:
    lowered = text.lower().replace("o'clock", "oclock")
    for spelling, plain in _SPELLINGS.items():
        lowered = lowered.replace(spelling, plain)
    return "".join(c if c.isalnum() or c == "'" else " " for c in lowered).split()
