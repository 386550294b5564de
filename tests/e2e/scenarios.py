"""What the sipp phones do: SIP scenarios, each a call from the first message to the last."""

from pathlib import Path

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
    content = "Content-Type: application/sdp\n" if body and "Content-Type" not in headers else ""
    return f"<![CDATA[\n{start}\n{headers.strip()}\n{content}Content-Length: [len]\n\n{body}]]>"


def _request(method: str, sequence: int, *, to_tag: bool, body: str = "", extra: str = "") -> str:
    remote = "[peer_tag_param]" if to_tag else ""
    return _message(
        f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0" if not to_tag else f"{method} [next_url] SIP/2.0",
        f"""Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
{"[routes]" if to_tag else ""}
From: <sip:[caller]@[local_ip]:[local_port]>;tag=phone-[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{remote}
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:[caller]@[local_ip]:[local_port];transport=[transport]>
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
    return _message(
        f"SIP/2.0 {status}",
        """[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>""",
    )


def _scenario(*steps: str) -> str:
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="phone">\n' + "\n".join(steps) + "\n</scenario>\n"
    )


def _play(audio: Path) -> str:
    return f'<nop><action><exec rtp_stream="{audio},1,0,PCMU/8000"/></action></nop>'


_REFERRED = """Event: refer
Subscription-State: terminated;reason=noresource
Content-Type: message/sipfrag;version=2.0"""

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


def caller_presses(audio: Path, key: str, *, after: float, seconds: float) -> str:
    """Call, play `audio`, press a key by SIP INFO `after` seconds, then wait for the agent to hang up."""
    told = f"Signal={key}\nDuration=160\n"
    info = _request("INFO", 2, to_tag=True, extra="Content-Type: application/dtmf-relay", body=told)
    return _scenario(
        INVITE,
        ANSWERED,
        _play(audio),
        f'<pause milliseconds="{int(after * 1000)}"/>\n<send retrans="500">{info}</send>\n<recv response="200"/>',
        THEY_HANG_UP.format(timeout=int(seconds * 1000)),
    )


def caller_is_referred(audio: Path, *, accepts: bool, seconds: float) -> str:
    """Call and play `audio`; a REFER is accepted and reported as done, or refused; then wait for the agent's BYE."""
    answer = "202 Accepted" if accepts else "603 Decline"
    told = _request("NOTIFY", 3, to_tag=True, extra=_REFERRED, body="SIP/2.0 200 OK\n")
    notify = f'<send retrans="500">{told}</send>\n<recv response="200"/>'
    return _scenario(
        INVITE,
        ANSWERED,
        _play(audio),
        f'<recv request="REFER" timeout="{int(seconds * 1000)}"/>\n<send>{_plain_response(answer)}</send>',
        notify if accepts else "",
        THEY_HANG_UP.format(timeout=int(seconds * 1000)),
    )


def caller_cancels(after_ms: int) -> str:
    """Call and give up `after_ms` after the first ringing."""
    cancel = _message(
        "CANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0",
        """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-4]
From: <sip:[caller]@[local_ip]:[local_port]>;tag=phone-[call_number]
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


def callees_by_number(audio: Path, recorder: Path) -> str:
    """A trunk full of phones that do as the last digit of their number says.

    0 to 3 answer, say `audio` and hang up; 4 and 5 are busy; 6 and 7 do not answer; 8 and 9 are recorders.
    """
    match = '<ereg regexp="{}@" search_in="hdr" header="To:" check_it="false" assign_to="{}"/>'
    kinds = {"busy": "[45]", "silent": "[67]", "recorder": "[89]"}
    take = (
        '<recv request="INVITE" rrs="true"><action>'
        '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>'
        '<ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="to"/>'
        + "".join(match.format(digits, kind) for kind, digits in kinds.items())
        + "</action></recv>"
    )
    branch = "".join(f'<nop next="{label}" test="{kind}"/>' for label, kind in enumerate(kinds, start=1))
    return _scenario(
        take,
        f"<send>{_response('180 Ringing')}</send>",
        branch,
        *_answering(audio, 1500),
        '<nop next="9"/>\n<label id="1"/>',
        f'<send retrans="500">{_response("486 Busy Here")}</send>\n<recv request="ACK" next="9"/>',
        '<label id="2"/>\n<pause milliseconds="2000"/>',
        f'<send retrans="500">{_response("480 Temporarily Unavailable")}</send>\n<recv request="ACK" next="9"/>',
        '<label id="3"/>',
        *_answering(recorder, 25000),
        '<label id="9"/>\n<nop/>',
    )


def _answering(audio: Path, milliseconds: int) -> tuple[str, ...]:
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
    return (
        f'<send retrans="500">{_response("200 OK", _SDP)}</send>',
        '<recv request="ACK"/>',
        _play(audio),
        f'<pause milliseconds="{milliseconds}"/>',
        f'<send retrans="500">{bye}</send>\n<recv response="200"/>',
    )
