"""The limits in docs/api.md and the end reasons in docs/calls.md are the code's own."""

import re
from pathlib import Path

from sovereign.api_keys.model import DEFAULT_RATE_LIMIT_PER_MINUTE
from sovereign.assistants.model import MAX_BYTES
from sovereign.assistants.settings import DEFAULT_AI_DISCLOSURE
from sovereign.calls.model import STATUS_OF_END_REASON, CallStatus
from sovereign.http import idempotency
from sovereign.http.bodies import MAX_BODY_BYTES, MAX_DEPTH
from sovereign.http.paging import DEFAULT_LIMIT, MAX_LIMIT
from sovereign.http.rate_limits import CONTROL_COMMANDS_PER_MINUTE
from sovereign.http.responses import MAX_RESPONSE_BYTES

DOCS = Path(__file__).parents[3] / "docs"


def _rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = (DOCS / document).read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return rows[2:]


def test_documented_limits_are_those_of_the_code() -> None:
    shown = [int(number.replace(",", "")) for row in _rows("api.md", "Limits") for number in _numbers(row[1])]
    assert shown == [
        DEFAULT_RATE_LIMIT_PER_MINUTE,
        CONTROL_COMMANDS_PER_MINUTE,
        MAX_BODY_BYTES,
        MAX_DEPTH,
        MAX_BYTES,
        MAX_RESPONSE_BYTES,
        MAX_LIMIT,
        DEFAULT_LIMIT,
        _longest_idempotency_key(),
    ]


def test_documented_end_reasons_are_those_of_the_code() -> None:
    shown = [(row[0].strip("`"), row[1].strip("`")) for row in _rows("calls.md", "End reasons")]
    assert shown == [(reason.value, status.value) for reason, status in STATUS_OF_END_REASON.items()]


def test_every_status_is_documented() -> None:
    shown = [status for row in _rows("calls.md", "Status") for status in re.findall(r"`([\w-]+)`", row[0])]
    assert sorted(shown) == sorted(status.value for status in CallStatus)


def test_documented_disclosure_is_the_default_one() -> None:
    assert f'"{DEFAULT_AI_DISCLOSURE}"' in (DOCS / "calls.md").read_text(encoding="utf-8")


def _longest_idempotency_key() -> int:
    """The length from which on a key is refused, less one."""
    return next(length for length in range(1, 1000) if not idempotency._KEY.fullmatch("k" * length)) - 1


def _numbers(cell: str) -> list[str]:
    return re.findall(r"\d[\d,]*", cell)
