"""Where may be dialled: the one check before every dial, and the limits on how much."""

from collections.abc import Collection

from sovereign.destinations.limits import (
    DialledAlready,
    OutboundLimitError,
    allowed_countries,
    check_limits,
    check_trunk,
)
from sovereign.destinations.sip_uris import SipTarget, check_sip_target, is_sip_uri
from sovereign.destinations.uri_numbers import number_in_uri, refuse_bare_number

__all__ = [
    "DialledAlready",
    "OutboundLimitError",
    "SipTarget",
    "allowed_countries",
    "check_destination",
    "check_limits",
    "check_sip_target",
    "check_trunk",
    "is_sip_uri",
    "number_in_uri",
    "refuse_bare_number",
]


def check_destination(
    destination: str, countries: Collection[str], *, do_not_call: bool = False, field: str = "destination"
) -> str:
    """`phone_numbers.check_destination`, loaded with the first number: its metadata takes 60 ms, which functions that
    only list calls should not pay."""
    from sovereign.destinations import phone_numbers  # noqa: PLC0415 - see above

    return phone_numbers.check_destination(destination, countries, do_not_call=do_not_call, field=field)
