"""Messages no phone sends, or only to test others: in the manner of RFC 4475, and valid ones with bytes changed."""

import random
import struct
from collections.abc import Callable

from .raw_phone import RawPhone

METHODS = ("OPTIONS", "BYE", "CANCEL", "ACK", "REFER", "NOTIFY", "SUBSCRIBE", "UPDATE", "INFO", "MESSAGE", "PRACK")


def torture(port: int) -> list[bytes]:
    """The RFC's kinds of difficult messages, each against this port: odd but valid ones, and broken ones."""
    uri, via = f"sip:+31201234567@127.0.0.1:{port}", "SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK"
    head = f"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <{uri}>\r\nMax-Forwards: 70\r\n"

    def request(name: str, *lines: str, start: str = f"OPTIONS {uri} SIP/2.0", headers: str = head) -> str:
        method = start.split(" ", 1)[0]
        fixed = f"Via: {via}{name}\r\nCall-ID: {name}\r\nCSeq: 1 {method}\r\n"
        return f"{start}\r\n{fixed}{headers}" + "".join(f"{line}\r\n" for line in lines) + "\r\n"

    messages = [
        # 3.1.1: odd, but right
        request("wsinv", "TO :\r\n  sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n", "l: 0"),
        request("intmeth", start=f"!interesting-Method0123456789_*+`.%indeed'~ {uri} SIP/2.0"),
        request("esc01", start=f"INVITE sip:sips%3Auser%40example.com@127.0.0.1:{port} SIP/2.0"),
        request("escnull", start=f"REGISTER sip:null-%00-null@127.0.0.1:{port} SIP/2.0"),
        request("lwsdisp", 'From: caller<sip:caller@example.com>;tag=323'),
        request("longreq", *(f"Unknown{'x' * 200}: {'y' * 500}" for _ in range(8))),
        request("semiuri", start=f"OPTIONS sip:user;par=u%40example.net@127.0.0.1:{port} SIP/2.0"),
        request("transports", *(f"Via: SIP/2.0/{t} t{t}.example.com;branch=z9hG4bK{t}" for t in ("SCTP", "TLS", "X"))),
        # 3.1.2: broken
        request("badinv01", 'Contact: "Joe" <sip:joe@example.org>;;;;', start=f"INVITE {uri} SIP/2.0"),
        request("clerr", "Content-Length: 9999", start=f"INVITE {uri} SIP/2.0"),
        request("ncl", "Content-Length: -999", start=f"INVITE {uri} SIP/2.0"),
        request("scalar02", "CSeq: 36893488147419103232 OPTIONS", "Max-Forwards: 300", "Expires: 10**10"),
        request("quotbal", 'To: "Mr. J. User <sip:j.user@example.com>'),
        request("ltgtruri", start=f"INVITE <{uri}> SIP/2.0"),
        request("lwsruri", start=f"INVITE {uri}; lr SIP/2.0"),
        request("lwsstart", start=f"INVITE  {uri}  SIP/2.0"),
        request("trws", start=f"OPTIONS {uri} SIP/2.0  "),
        request("escruri", start=f"INVITE {uri}?Route=%3Csip:example.com%3E SIP/2.0"),
        request("baddate", "Date: Fri, 01 Jan 2010 16:00:00 EST"),
        request("regbadct", "Contact: sip:u@example.com?Route=%3Csip:example.com%3E", start=f"REGISTER {uri} SIP/2.0"),
        request("badaspec", 'To: "Watson, Thomas" < sip:t.watson@example.org >'),
        request("baddn", "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
        request("badvers", start=f"OPTIONS {uri} SIP/7.0"),
        request("mismatch01").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"),
        request("mismatch02", start=f"NEWMETHOD {uri} SIP/2.0").replace("CSeq: 1 NEWMETHOD", "CSeq: 1 INVITE"),
        # 3.2 and 3.3: transactions and applications
        request("badbranch").replace("z9hG4bKbadbranch", "z9hG4bK"),
        request("insuf", headers=""),
        request("unkscm", start="OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
        request("novelsc", start="OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
        request("unksm2", "To: isbn:2983792873", "From: <http://example.com>;tag=1", headers="Max-Forwards: 70\r\n"),
        request("bext01", "Require: nothingSupportsThis", "Proxy-Require: noProxiesSupportThis"),
        request("invut", "Content-Type: application/unknownformat", "Content-Length: 5", start=f"INVITE {uri} SIP/2.0"),
        request("regaut01", "Authorization: NoOneKnowsThisScheme opaque-data=here", start=f"REGISTER {uri} SIP/2.0"),
        request("multi01", *(f"{h}: {v}" for h in ("CSeq", "Call-ID", "From", "To") for v in ("5 INVITE", "x", "y"))),
        request("mcl01", "Content-Length: 13", "Content-Length: 5"),
        request("cparam01", "Contact: sip:+19725552222@gw1.example.net;unknownparam", start=f"REGISTER {uri} SIP/2.0"),
        request("sdp01", "Content-Type: text/plain", start=f"INVITE {uri} SIP/2.0"),
        # answers to nothing, and no messages at all
        f"SIP/2.0 200 OK\r\nVia: {via}x\r\nCall-ID: bcast\r\nCSeq: 1 INVITE\r\n{head}\r\n",
        f"SIP/2.0 4294967301 better not break the receiver\r\nVia: {via}y\r\nCall-ID: bigcode\r\n\r\n",
        "SIP/2.0 200\r\n\r\n", "\r\n\r\n", "\x00", "INVITE", "GET / HTTP/1.1\r\n\r\n",
    ]  # fmt: skip
    return [message.encode() for message in messages]


def fuzzed(message: bytes, count: int, chance: random.Random) -> list[bytes]:
    """The message so many times, each time with something else wrong: bytes changed, cut out, doubled, or cut off."""
    found = []
    for _ in range(count):
        data = bytearray(message)
        for _ in range(chance.randint(1, 12)):
            at, much = chance.randrange(len(data)), chance.randint(1, 20)
            match chance.randrange(5):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    data[at : at + much] = b""
                case 2:
                    data[at:at] = data[at : at + much] * chance.randint(1, 30)
                case 3:
                    data[at : at + much] = chance.randbytes(much)
                case _:
                    del data[max(1, at) :]
            data = data or bytearray(b"x")
        found.append(bytes(data[:60_000]))
    return found


def fuzzed_bodies(phone: RawPhone, count: int, chance: random.Random) -> list[bytes]:
    """INVITEs that are right but for their session descriptions."""
    offer = phone.sdp("PCMU", "PCMA", "G722").encode()
    found = []
    for number, body in enumerate(fuzzed(offer, count, chance)):
        phone.call_id = f"body-{number}@127.0.0.1"
        text = phone.message("INVITE", body.decode("latin-1"))
        found.append(text.encode("latin-1"))
    return found


def fuzzed_datagrams(phone: RawPhone, count: int, chance: random.Random) -> list[bytes]:
    """Every second an INVITE, the others of every other method, each of its own dialog and with something wrong."""
    found = []
    for number in range(count):
        phone.call_id = f"fuzzed-{number}@127.0.0.1"
        extra = "Refer-To: <sip:a@127.0.0.1>\r\nEvent: refer\r\nRAck: 1 1 INVITE\r\nExpires: 60\r\n"
        right = (
            phone.message(chance.choice(METHODS), extra=extra)
            if number % 2
            else phone.message("INVITE", phone.sdp("PCMU"))
        )
        found += fuzzed(right.encode(), 1, chance)
    return found


def given_up(phone: RawPhone, count: int) -> list[bytes]:
    """INVITEs whose session description is right, and that can be no calls."""
    found = []
    for number in range(count):
        phone.call_id = f"given-up-{number}@127.0.0.1"
        whole = phone.message("INVITE", phone.sdp("PCMU"))
        lines = whole.splitlines(keepends=True)
        found.append(
            (
                "".join(line for line in lines if not line.startswith("Contact:")),
                whole.replace("Contact: <", "Contact: <<"),
                whole.replace(whole[whole.index(";tag=") : whole.index("\r\nTo:")], ""),
                whole.replace("Via: SIP/2.0/UDP 127.0.0.1", "Via: SIP/2.0/UDP 0.0.0.0").replace(";rport", ""),
            )[number % 4].encode()
        )
    return found


def bad_media(chance: random.Random, ssrc: int, count: int) -> list[bytes]:
    """What does not belong on a call's RTP or RTCP port."""

    def rtp(**changes: int) -> bytes:
        field = {"first": 0x80, "kind": 0, "sequence": chance.randrange(1 << 16), "ssrc": ssrc} | changes
        head = (field["first"], field["kind"], field["sequence"], chance.randrange(1 << 32), field["ssrc"])
        return struct.pack("!BBHII", *head) + chance.randbytes(160)

    def rtcp(kind: int, words: int, count: int = 1) -> bytes:
        return struct.pack("!BBHI", 0x80 | count, kind, words, ssrc)

    makers: list[Callable[[], bytes]] = [
        lambda: chance.randbytes(chance.randrange(400)),
        lambda: rtp()[: chance.randrange(13)],
        lambda: rtp(first=0x8F)[: chance.randint(12, 40)],  # fifteen sources named, few of them there
        lambda: rtp(first=0x90)[:16] + b"\xff\xff",  # an extension longer than the packet
        lambda: rtp(first=0xA0) + b"\xff",  # padding longer than the packet
        lambda: rtp(first=chance.randrange(0x80)),  # another version
        lambda: rtp(kind=chance.randint(20, 63)),
        lambda: rtp(kind=101)[: chance.randint(12, 16)],  # a digit cut short
        lambda: rtp() + chance.randbytes(chance.randint(1500, 60_000)),
        lambda: rtcp(chance.randrange(200, 208), chance.randrange(1 << 16), chance.randrange(32)),
        lambda: rtcp(200, 6, 31) + chance.randbytes(chance.randrange(100)),
        lambda: rtcp(203, 1),  # goodbye, in the name of the far end
        lambda: rtcp(chance.randrange(200, 208), 1) * chance.randint(1, 50),
        lambda: b"",
    ]
    return [makers[number % len(makers)]() for number in range(count)]


def strange_openings(phone: RawPhone, chance: random.Random) -> list[bytes]:
    """What a TCP connection may begin with, and then fall silent."""
    whole = phone.message("INVITE", phone.sdp("PCMU")).replace("/UDP", "/TCP").encode()
    return [
        b"",
        whole[: len(whole) // 2],
        b"INVITE sip:a SIP/2.0\r\n" + b"X: y\r\n" * 20_000,
        b"x" * 200_000,
        whole.replace(b"Content-Length: ", b"Content-Length: 99999999"),
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"\r\n" * 5000,
        *fuzzed(whole, 20, chance),
    ]
