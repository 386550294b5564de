"""SIP trunks: the ways to and from carriers and PBXs, and from where calls are accepted."""

from sovereign.sip_trunks.model import SipTrunk, TrunkNotFoundError, TrunkOptions, TrunkSettings, warnings_of
from sovereign.sip_trunks.sources import is_known_source
from sovereign.sip_trunks.store import TrunkStore, trunk_from_item, trunk_ref

__all__ = [
    "SipTrunk",
    "TrunkNotFoundError",
    "TrunkOptions",
    "TrunkSettings",
    "TrunkStore",
    "is_known_source",
    "trunk_from_item",
    "trunk_ref",
    "warnings_of",
]
