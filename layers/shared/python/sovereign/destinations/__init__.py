"""Where may be dialled: the one check before every dial, and the limits on how much."""

from sovereign.destinations.limits import DialledAlready, OutboundLimitError, allowed_countries, check_limits
from sovereign.destinations.phone_numbers import check_destination
from sovereign.destinations.sip_uris import SipTarget, check_sip_target, is_sip_uri

__all__ = [
    "DialledAlready",
    "OutboundLimitError",
    "SipTarget",
    "allowed_countries",
    "check_destination",
    "check_limits",
    "check_sip_target",
    "is_sip_uri",
]
