"""Our endpoint against sipp, a SIP stack nobody here wrote. Skipped where sipp is not installed."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from media.telephony.leg import LegAnswered, LegClosed, LegClosedBy, LegRinging, TransferOutcome
from tests.conftest import free_media_port

from .conftest import Station, free_port, next_event

SIPP = shutil.which("sipp")
if SIPP is None and os.environ.get("REQUIRE_ALL") == "1":
    raise RuntimeError("sipp is required (Debian package sip-tester)")
pytestmark = pytest.mark.skipif(SIPP is None, reason="sipp is not installed (Debian package sip-tester)")

SDP = """
      v=0
      o=user1 53655765 2353687637 IN IP4 127.0.0.1
      s=-
      c=IN IP4 127.0.0.1
      t=0 0
      m=audio 21599 RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
"""
HEADERS = """      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]SIPp[call_number]
      [last_Call-ID:]
      [last_CSeq:]"""
OK = f"""
  <send retrans="500"><![CDATA[
      SIP/2.0 200 OK
{HEADERS}
      Contact: <sip:127.0.0.1:[local_port];transport=[transport]>
      Content-Type: application/sdp
      Content-Length: [len]
{SDP}
  ]]></send>"""


def answer(code: int, phrase: str, header: str | None = None, *, to_tag: bool = True) -> str:
    """A response without body; a blank line within it would end its headers."""
    lines = HEADERS if to_tag else HEADERS.replace(";tag=[pid]SIPp[call_number]", "")
    more = f"\n      {header}" if header else ""
    return f"""
  <send><![CDATA[
      SIP/2.0 {code} {phrase}
{lines}{more}
      Content-Length: 0

  ]]></send>"""


def receive(request: str, *, optional: bool = False) -> str:
    return f'\n  <recv request="{request}"{" optional=" + chr(34) + "true" + chr(34) if optional else ""}/>'


INVITE_KEEPING_FROM = """
  <recv request="INVITE"><action>
    <ereg regexp=".*" search_in="hdr" header="From" assign_to="2"/>
  </action></recv>"""


def uas(*steps: str) -> str:
    return '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="uas">' + "".join(steps) + "\n</scenario>\n"


class Sipp:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process, self.address = process, f"127.0.0.1:{port}"

    async def verdict(self) -> int:
        """0 when everything went as the scenario says."""
        try:
            async with asyncio.timeout(45):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise


async def far_end(folder: Path, scenario: str, transport: str = "u1") -> Sipp:
    file, port = folder / "scenario.xml", free_port()
    file.write_text(scenario)
    process = await asyncio.create_subprocess_exec(
        str(SIPP), "-sf", str(file), "-i", "127.0.0.1", "-p", str(port), "-t", transport, "-m", "1",
        "-timeout", "40", "-timeout_error", "-nostdin", "-mp", str(free_media_port()),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
    )  # fmt: skip
    await asyncio.sleep(0.4)
    assert process.returncode is None, "sipp does not run"
    return Sipp(process, port)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_answered_call_is_acknowledged_and_ended_with_bye(
    station: Station, tmp_path: Path, transport: str
) -> None:
    scenario = uas(
        receive("INVITE"), answer(180, "Ringing"), OK, receive("ACK"), receive("BYE"), answer(200, "OK", to_tag=False)
    )
    sipp = await far_end(tmp_path, scenario, "u1" if transport == "udp" else "t1")
    leg = await station.dial(sipp.address, transport=transport)
    assert [await next_event(leg), await next_event(leg)] == [LegRinging(), LegAnswered()]
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)
    assert await sipp.verdict() == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_named_trunk_is_called_at_the_address_that_was_checked(
    station: Station, tmp_path: Path, transport: str
) -> None:
    named = (
        '<recv request="INVITE"><action><ereg regexp="sip:.31201234567@carrier.invalid" search_in="hdr" header="To:"'
    )
    scenario = uas(
        f'\n  {named} check_it="true" assign_to="to"/></action></recv><Reference variables="to"/>',
        *(answer(180, "Ringing"), OK, receive("ACK"), receive("BYE"), answer(200, "OK", to_tag=False)),
    )
    sipp = await far_end(tmp_path, scenario, "u1" if transport == "udp" else "t1")
    leg = await station.dial("carrier.invalid", transport=transport, outbound_proxy=sipp.address)
    assert [await next_event(leg), await next_event(leg)] == [LegRinging(), LegAnswered()]
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)
    assert await sipp.verdict() == 0


@pytest.mark.parametrize(("code", "phrase"), [(486, "Busy Here"), (603, "Decline"), (404, "Not Found"), (503, "No")])
async def test_final_response_is_acknowledged_and_told(
    station: Station, tmp_path: Path, code: int, phrase: str
) -> None:
    sipp = await far_end(tmp_path, uas(receive("INVITE"), answer(code, phrase), receive("ACK")))
    leg = await station.dial(sipp.address)
    assert await next_event(leg) == LegClosed(LegClosedBy.FAILED, code, phrase)
    assert await sipp.verdict() == 0


async def test_redirect_is_not_followed(station: Station, tmp_path: Path) -> None:
    moved = answer(302, "Moved", f"Contact: <sip:other@127.0.0.1:{station.port}>")
    sipp = await far_end(tmp_path, uas(receive("INVITE"), moved, receive("ACK")))
    leg = await station.dial(sipp.address)
    closed = await next_event(leg)
    assert isinstance(closed, LegClosed)
    assert (closed.by, closed.sip_code) == (LegClosedBy.FAILED, 302)
    assert station.invites.empty()
    assert await sipp.verdict() == 0


async def test_early_media_is_ringing_not_an_answer(station: Station, tmp_path: Path) -> None:
    early = OK.replace("200 OK", "183 Session Progress").replace(' retrans="500"', "")
    scenario = uas(receive("INVITE"), early, '<pause milliseconds="400"/>', answer(486, "Busy Here"), receive("ACK"))
    sipp = await far_end(tmp_path, scenario)
    leg = await station.dial(sipp.address)
    assert await next_event(leg) == LegRinging()
    assert await next_event(leg) == LegClosed(LegClosedBy.FAILED, 486, "Busy Here")
    assert await sipp.verdict() == 0


async def test_ringing_call_is_cancelled(station: Station, tmp_path: Path) -> None:
    cancelled = """
  <send><![CDATA[
      SIP/2.0 487 Request Terminated
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]SIPp[call_number]
      [last_Call-ID:]
      CSeq: [last_cseq_number] INVITE
      Content-Length: 0

  ]]></send>"""
    steps = (receive("INVITE"), answer(180, "Ringing"), receive("CANCEL"), answer(200, "OK", to_tag=False), cancelled)
    sipp = await far_end(tmp_path, uas(*steps, receive("ACK")))
    leg = await station.dial(sipp.address)
    assert await next_event(leg) == LegRinging()
    await leg.hang_up()
    assert await next_event(leg) == LegClosed(LegClosedBy.US)
    assert await sipp.verdict() == 0


@pytest.mark.parametrize(
    ("refer_answer", "notify", "outcome"),
    [
        ((603, "Decline"), None, TransferOutcome.UNSUPPORTED),
        ((202, "Accepted"), "SIP/2.0 486 Busy Here", TransferOutcome.BUSY),
        ((202, "Accepted"), "SIP/2.0 200 OK", TransferOutcome.SUCCEEDED),
        ((202, "Accepted"), None, TransferOutcome.FAILED),
    ],
)
async def test_transfer_outcome_is_what_the_far_end_reports(
    station: Station, tmp_path: Path, refer_answer: tuple[int, str], notify: str | None, outcome: TransferOutcome
) -> None:
    # sipp refuses a scenario that keeps a value nobody uses
    steps = [
        INVITE_KEEPING_FROM if notify else receive("INVITE"),
        answer(180, "Ringing"),
        OK,
        receive("ACK"),
        receive("REFER"),
    ]
    steps.append(answer(*refer_answer, "Contact: <sip:127.0.0.1:[local_port]>", to_tag=False))
    if notify:
        steps.append(notify_step(notify, station.port))
        steps.append('\n  <recv response="200"/>')
    steps += [receive("BYE"), answer(200, "OK", to_tag=False)]
    sipp = await far_end(tmp_path, uas(*steps))
    leg = await station.dial(sipp.address)
    assert [await next_event(leg), await next_event(leg)] == [LegRinging(), LegAnswered()]
    assert await leg.transfer("sip:other@127.0.0.1:9", timeout_seconds=1.5) is outcome
    await leg.hang_up()
    assert isinstance(await next_event(leg), LegClosed)
    assert await sipp.verdict() == 0


def notify_step(fragment: str, port: int) -> str:
    return f"""
  <send retrans="500"><![CDATA[
      NOTIFY sip:+31850835037@127.0.0.1:{port} SIP/2.0
      Via: SIP/2.0/[transport] 127.0.0.1:[local_port];branch=[branch]
      From: <sip:+31201234567@[local_ip]:[local_port];transport=udp>;tag=[pid]SIPp[call_number]
      To[$2]
      [last_Call-ID:]
      CSeq: 1 NOTIFY
      Contact: <sip:127.0.0.1:[local_port]>
      Event: refer
      Subscription-State: terminated;reason=noresource
      Content-Type: message/sipfrag;version=2.0
      Content-Length: [len]

      {fragment}
  ]]></send>"""
