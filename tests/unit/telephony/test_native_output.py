"""What native code prints reaches the log without the numbers in it, and Python's own output stays as it is."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import os, sys, time
from media.telephony.native_output import divert_native_output
from sovereign.kernel.observe import logger

divert_native_output()
log = logger()
os.write(2, b"unhandled request from 192.0.2.1:5060: CANCEL sip:+31612345678@198.51.100.7\\n")
os.write(1, b"sip: msg decode err: \\xff [61]\\n")
os.write(2, b"flood\\n" * 500)
log.info("ours")
print("plain", file=sys.stderr)
time.sleep(0.5)
"""


def test_native_lines_are_logged_without_numbers_and_bounded() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    native = [line["line"] for line in lines if line["message"] == "sip_stack"]
    assert native[0] == "unhandled request from …:5060: CANCEL …"
    assert native[1].startswith("sip: msg decode err")
    assert 2 < len(native) <= 30
    assert "612345678" not in ran.stdout + ran.stderr
    assert "ours" in {line["message"] for line in lines}
    assert ran.stderr == "plain\n"


IMPORTING = """
import os, time
import media.server
from media.telephony.native_output import divert_native_output
from sovereign.kernel.observe import logger

divert_native_output()
logger()
media.server.logger.info("ready")
os.write(2, b"native\\n")
time.sleep(0.5)
"""


def test_a_logger_that_an_import_made_is_still_heard() -> None:
    """The media process imports everything before its first line runs; its whole log depends on this."""
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTING], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["message"] for line in lines] == ["ready", "sip_stack"]
