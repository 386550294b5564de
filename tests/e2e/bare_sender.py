"""Nothing but an RTP packet each 20 ms to a port of 127.0.0.1: `python -m tests.e2e.bare_sender PORT`, until killed."""

import socket
import struct
import sys
import time

_PACKET_NANOSECONDS = 20_000_000


def main() -> None:
    target, silence = ("127.0.0.1", int(sys.argv[1])), b"\xff" * 160
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        due, sequence = time.monotonic_ns(), 0
        while True:
            head = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, 1)
            sender.sendto(head + silence, target)
            sequence += 1
            now = time.monotonic_ns()
            due = max(due + _PACKET_NANOSECONDS, now)
            time.sleep((due - now) / 1e9)


if __name__ == "__main__":
    main()
