"""Reads the called number out of what a SIP message carries."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from sovereign.kernel.phone import check_e164

_ADDRESS = re.compile(r"(?:[^<]*<)?\s*(?:sips?|tel):(?P<user>[^@;?>]+)", re.IGNORECASE)
_DISPLAY_NAME = re.compile(r'^\s*"(?:[^"\\]|\\.)*"')
"""Quoted, it may hold anything, another address too."""
_SEPARATORS = re.compile(r"[\s().-]")


def called_number(*places: str | None) -> str | None:
    """The first E.164 number among SIP values in order of trust: request URI, `To`, `Diversion`, `P-Called-Party-ID`.

    Each may be a name-addr, a SIP or tel URI, or a bare number; with `+`, with `00`, or with the country code alone.
    """
    return next((number for place in places if place for number in _candidates(place)), None)


def _candidates(place: str) -> Iterable[str]:
    address = _DISPLAY_NAME.sub("", place)
    match = _ADDRESS.match(address)
    digits = _SEPARATORS.sub("", unquote(match["user"] if match else address).strip())
    for text in (digits, f"+{digits.removeprefix('00')}"):
        try:
            yield check_e164(text)
        except ValueError:
            continue
