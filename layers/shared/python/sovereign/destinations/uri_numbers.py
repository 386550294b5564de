"""What a SIP URI's user part would dial, should its host be a carrier's: a URI must not get round the check.

Only a number with its `+` says what it is. Bare digits mean a number of whichever country the host is in, or nothing
but a desk; as nobody can tell, those that could reach a charged or an emergency number are refused.
"""

import re
from collections.abc import Collection
from urllib.parse import unquote

from sovereign.destinations.sip_uris import is_sip_uri
from sovereign.kernel.errors import DestinationNotAllowedError

_SEPARATORS = re.compile(r"[-.()\s]")
"""What RFC 3966 lets stand between the digits of a number, and what people put there."""
_E164 = re.compile(r"\+[0-9]{2,15}")
_DIALLED = re.compile(r"[0-9+*#,pPwW]*[0-9][0-9+*#,pPwW]*")
"""What a switch dials rather than looks up: digits, service codes, pauses."""
_EXTENSION = re.compile(r"[0-9]{1,6}")
"""No numbering plan has subscriber numbers that short which are charged to the caller."""
_EMERGENCY_EVERYWHERE = frozenset({"112", "911", "999"})
_OUTSIDE_LINE = ("0", "9")
"""What many a switch wants dialled before a number outside."""


def number_in_uri(destination: str) -> str | None:
    """The E.164 number a SIP URI carries; None when it carries none."""
    user = _user(destination)
    return user if _E164.fullmatch(user) else None


def refuse_bare_number(destination: str, countries: Collection[str]) -> None:
    """Raise DestinationNotAllowedError for a SIP URI that would dial digits of unknown meaning.

    `countries` as `allowed_countries` gives them.
    """
    user = _user(destination)
    if not user.isascii():
        raise DestinationNotAllowedError("The user of this SIP URI is not written in ASCII.")
    if _E164.fullmatch(user) or not _DIALLED.fullmatch(user):
        return
    if not _EXTENSION.fullmatch(user):
        raise DestinationNotAllowedError(
            "A number in a SIP URI must be in E.164 form, with its plus; digits alone may mean any country's."
        )
    emergency = {user, *(user.removeprefix(line) for line in _OUTSIDE_LINE)} & _EMERGENCY_EVERYWHERE
    if emergency or any(_is_short_number(user, country) for country in countries):
        raise DestinationNotAllowedError("Short and emergency numbers are never dialled.")


def _user(destination: str) -> str:
    if not is_sip_uri(destination):
        return ""
    user, at, _ = destination.partition(":")[2].partition("@")
    return _SEPARATORS.sub("", unquote(user.partition(";")[0])) if at else ""


def _is_short_number(digits: str, country: str) -> bool:
    """Whether a phone of this country reaches a service with these digits; what only texts, or only the customers of
    one operator reach, is a desk's number as well."""
    import phonenumbers  # noqa: PLC0415 - its metadata takes 60 ms to load

    if phonenumbers.is_emergency_number(digits, country):
        return True
    if digits.startswith("0"):
        return False
    number = phonenumbers.PhoneNumber(phonenumbers.country_code_for_region(country), int(digits))
    return (
        phonenumbers.is_valid_short_number_for_region(number, country)
        and not phonenumbers.is_sms_service_for_region(number, country)
        and not phonenumbers.is_carrier_specific_for_region(number, country)
    )
