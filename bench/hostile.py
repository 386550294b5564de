"""A platform under ten thousand broken datagrams and strange connections, with a call in progress."""

import random
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.e2e.phones import SEEDED_NUMBER, calling, talk
from tests.e2e.platform_process import start, stop
from tests.e2e.stage import Stage, until
from tests.media.sip.nonsense import fuzzed_bodies, fuzzed_datagrams, given_up, strange_openings
from tests.media.sip.raw_phone import RawPhone

__all__ = ["fuzz"]

DATAGRAMS, BODIES, GIVEN_UP, CONNECTIONS = 10_000, 1000, 500, 200
CALL_SECONDS = 75.0
LONGEST_GAP_SECONDS = 0.2
UNACKNOWLEDGED, FORGOTTEN_WITHIN_SECONDS = 2, 60
_STRANGER = "+31612345678"


def fuzz(stage: Stage, folder: Path, seed: int) -> dict[str, Any]:
    """The call is not disturbed, calls nobody acknowledges end by themselves, the next call is taken, and the media
    process ends as it should when it is asked to."""
    host, port = stage.sip.rsplit(":", 1)
    address, chance = (host, int(port)), random.Random(seed)
    scenario = talk(folder, 8.0, "hello_hours", CALL_SECONDS, seconds=CALL_SECONDS, we_hang_up=True)
    with ExitStack() as stack:
        phone = stack.enter_context(calling(stage, scenario, folder))
        sender = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        call_id = stage.call_of(phone.number)["id"]
        stage.said(call_id, "how can i help you")
        _send(sender, address, [_unacknowledged(address[1], number) for number in range(UNACKNOWLEDGED)])
        asked = time.monotonic()
        for opening in (strange_openings(_stranger(address[1]), chance) * CONNECTIONS)[:CONNECTIONS]:
            stack.enter_context(_opened(address, opening))
        _send(sender, address, _messages(address[1], chance))
        forgotten = _forgotten(stage, asked)
        verdict = phone.process.wait(120)
        gaps = [later.seen_at - earlier.seen_at for earlier, later in pairwise(phone.heard().packets)]
        spoken = [message for message in stage.call(call_id)["messages"] if message["role"] == "assistant"]
        _require_a_call(stage, folder / "next")
    ended = stage.over(call_id, seconds=60)
    assert ended["end_reason"] == "user_hangup", (ended["end_reason"], ended["error"], ended["messages"])
    assert verdict == 0, phone.process.messages()
    assert len(spoken) >= 2, "the caller was greeted, and not answered"
    assert max(gaps) < LONGEST_GAP_SECONDS, f"a gap of {max(gaps) * 1000:.0f} ms"
    _restart(stage)
    return {
        "datagrams": DATAGRAMS,
        "session_descriptions": BODIES,
        "given_up": GIVEN_UP,
        "connections": CONNECTIONS,
        "longest_gap_ms": round(max(gaps) * 1000),
        "unacknowledged_ended_after_s": forgotten,
    }


def _stranger(port: int, number: str = "+31201234567") -> RawPhone:
    phone = RawPhone(port, number)
    phone.port, phone.rtp_port = 9, 9
    return phone


def _unacknowledged(port: int, number: int) -> bytes:
    phone = _stranger(port, SEEDED_NUMBER)
    phone.call_id = f"unacknowledged-{number}@127.0.0.1"
    return phone.message("INVITE", phone.sdp("PCMU")).encode()


def _messages(port: int, chance: random.Random) -> list[bytes]:
    messages = fuzzed_datagrams(_stranger(port), DATAGRAMS, chance)
    messages += fuzzed_bodies(_stranger(port), BODIES, chance)
    messages += given_up(_stranger(port), GIVEN_UP)
    chance.shuffle(messages)
    return messages


def _send(sender: socket.socket, address: tuple[str, int], messages: Sequence[bytes]) -> None:
    for place, message in enumerate(messages):
        sender.sendto(message, address)
        if place % 10 == 9:
            time.sleep(0.03)


def _opened(address: tuple[str, int], opening: bytes) -> socket.socket:
    connection = socket.create_connection(address, timeout=5)
    connection.setblocking(False)
    if opening:
        connection.send(opening)
    return connection


def _forgotten(stage: Stage, asked: float) -> float:
    """When the calls nobody acknowledged were over, in seconds after they were asked for."""

    def over() -> bool | None:
        calls = [call for call in stage.get("/calls", limit=100)["calls"] if call["caller_phone"] == _STRANGER]
        return True if len(calls) >= UNACKNOWLEDGED and all(call["ended_at"] for call in calls) else None

    until(over, FORGOTTEN_WITHIN_SECONDS, "the end of the calls nobody acknowledged")
    return round(time.monotonic() - asked, 1)


def _require_a_call(stage: Stage, folder: Path) -> None:
    with calling(stage, talk(folder, seconds=30, we_hang_up=False), folder) as phone:
        stage.in_status(stage.call_of(phone.number)["id"], {"in-progress"})


def _restart(stage: Stage) -> None:
    """Stop the platform, see that no media process crashed before or with that, and start it again."""
    stop(stage.environment)
    crashes = [line for line in _media_log(stage) if "media_process_ended" in line]
    assert not crashes, crashes
    start(stage.environment)


def _media_log(stage: Stage) -> list[str]:
    return (stage.home / "logs" / "media.log").read_text(errors="replace").splitlines()
