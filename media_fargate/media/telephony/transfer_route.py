"""How a caller may be handed over: by REFER, by a second leg of ours, or by the one and then the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from media.telephony.addresses import HOPS_HEADER, TrunkRoute

__all__ = ["SecondLeg", "TransferRoute"]


@dataclass(frozen=True, kw_only=True)
class SecondLeg:
    """The call we make for a bridge: `target` is an E.164 number or a SIP URI, `caller` the E.164 number it shows."""

    trunk: TrunkRoute
    target: str = field(repr=False)
    caller: str = field(repr=False)
    hops: int = 1

    @property
    def headers(self) -> Mapping[str, str]:
        """What its INVITE carries beside the usual."""
        return {HOPS_HEADER: str(self.hops)}


@dataclass(frozen=True, kw_only=True)
class TransferRoute:
    """What was found and checked for one destination; at least one way is given.

    With both, the peer is asked first (`refer_to`), and called ourselves when it does not do transfers at all.
    """

    destination: str = field(repr=False)
    refer_to: str | None = field(default=None, repr=False)
    second_leg: SecondLeg | None = None
