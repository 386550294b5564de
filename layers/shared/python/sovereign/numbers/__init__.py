"""Phone numbers: registration, ownership, and the routes of inbound and outbound calls."""

from sovereign.numbers.admission import InboundAdmission, InboundRefusal, InboundRoute
from sovereign.numbers.called import called_number
from sovereign.numbers.items import Holder
from sovereign.numbers.model import Number, NumberNotFoundError, NumberRouting, NumberSettings, NumberTakenError
from sovereign.numbers.outbound import NoOutboundNumberError, OutboundContext, outbound_context
from sovereign.numbers.store import NumberStore

__all__ = [
    "Holder",
    "InboundAdmission",
    "InboundRefusal",
    "InboundRoute",
    "NoOutboundNumberError",
    "Number",
    "NumberNotFoundError",
    "NumberRouting",
    "NumberSettings",
    "NumberStore",
    "NumberTakenError",
    "OutboundContext",
    "called_number",
    "outbound_context",
]
