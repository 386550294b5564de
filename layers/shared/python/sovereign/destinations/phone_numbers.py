"""Which phone numbers may be dialled, by the numbering plans in the phone-number library."""

import re
from collections.abc import Collection

import phonenumbers
from phonenumbers import PhoneNumberType

from sovereign.kernel.errors import DestinationNotAllowedError, InvalidRequestError

_DIALLABLE = re.compile(r"\+[0-9]{2,15}")
_REFUSED_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "premium-rate numbers are never dialled",
    PhoneNumberType.SHARED_COST: "shared-cost numbers are never dialled",
    PhoneNumberType.PAGER: "pagers are never dialled",
    # charged like premium-rate numbers wherever a plan has them, and as popular with fraud
    PhoneNumberType.PERSONAL_NUMBER: "personal numbers are never dialled",
    PhoneNumberType.UNKNOWN: "the kind of this number is not known",
}
_NO_COUNTRY = (None, "ZZ", "001")


def check_destination(
    destination: str, countries: Collection[str], *, do_not_call: bool = False, field: str = "destination"
) -> str:
    """Return the E.164 number unchanged when it may be dialled; `countries` as `allowed_countries` gives them.

    `do_not_call` tells whether the organization's list holds it (`numbers.OutboundContext` reads that along).

    Raises DestinationNotAllowedError (why, without the number), or InvalidRequestError naming `field` for what is no
    phone number at all.
    """
    if not _DIALLABLE.fullmatch(destination):
        raise InvalidRequestError(details=[f"{field}: must be a phone number in E.164 form"])
    number = _parsed(destination)
    _refuse_emergency(destination, number, countries)
    if number is None or not phonenumbers.is_valid_number(number):
        raise InvalidRequestError(details=[f"{field}: must be a valid phone number in E.164 form"])
    if reason := _REFUSED_TYPES.get(phonenumbers.number_type(number)):
        raise DestinationNotAllowedError(f"This destination may not be dialled: {reason}.")
    region = phonenumbers.region_code_for_number(number)
    if region in _NO_COUNTRY:
        raise DestinationNotAllowedError("Satellite and other international networks are never dialled.")
    if region not in countries:
        raise DestinationNotAllowedError(f"The organization's outbound policy does not allow calls to {region}.")
    if do_not_call:
        raise DestinationNotAllowedError("This destination is on the organization's do-not-call list.")
    return destination


def _parsed(destination: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(destination)
    except phonenumbers.NumberParseException:
        return None


def _refuse_emergency(destination: str, number: phonenumbers.PhoneNumber | None, countries: Collection[str]) -> None:
    """Short and emergency numbers, written with the country code or passed off as a number with a plus."""
    written: set[tuple[str, str]] = {(destination[1:], country) for country in countries}
    if number is not None:
        national = phonenumbers.national_significant_number(number)
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ())
        written |= {(national, region) for region in regions}
        if not phonenumbers.is_valid_number(number) and phonenumbers.is_possible_short_number(number):
            raise DestinationNotAllowedError("Short numbers are never dialled.")
    if any(phonenumbers.is_emergency_number(digits, region) for digits, region in written):
        raise DestinationNotAllowedError("Emergency numbers are never dialled.")
