"""How a caller may be handed over, over the table's stores: the one check before a transfer. Everything here blocks."""

from media.routes import Line
from media.telephony.addresses import HOPS_HEADER, Encryption, TrunkRoute
from media.telephony.transfer_route import SecondLeg, TransferRoute
from sovereign.destinations import SipTarget, check_sip_target, is_sip_uri, number_in_uri, refuse_bare_number
from sovereign.kernel.addresses import literal_address
from sovereign.kernel.errors import DestinationNotAllowedError, InvalidStateError, NotFoundError
from sovereign.kernel.table import Table
from sovereign.numbers import OutboundContext, outbound_context
from sovereign.sip_trunks import SipTrunk, TrunkStore

__all__ = ["TransferRoutes", "trunk_route"]


def trunk_route(trunk: SipTrunk, trunks: TrunkStore) -> TrunkRoute:
    """How a saved trunk is dialled through: over UDP and TCP at the very address that was checked.

    Raises DomainError when its host has an address that may not be called.
    """
    settings = trunk.settings
    # the host is checked as it resolves now: a name saved earlier may have moved to a private address
    next_hop = settings.outbound_proxy or settings.address
    called = check_sip_target(f"sip:{next_hop};transport={settings.transport}", field="trunk.address")
    outbound_proxy = settings.outbound_proxy
    if settings.transport == "tls":
        _require_name(called)
    elif literal_address(called.host) is None:
        outbound_proxy = str(called.servers[0])
    return TrunkRoute(
        trunk_id=trunk.id,
        address=settings.address,
        transport=settings.transport,
        auth_username=settings.auth_username,
        auth_password=trunks.password(trunk),
        outbound_proxy=outbound_proxy,
        from_domain=settings.from_domain,
        srtp=settings.srtp,
    )


class TransferRoutes:
    """Finds the ways to a destination that the trunk's `transfer_mode` allows."""

    def __init__(self, table: Table, trunks: TrunkStore) -> None:
        self._table = table
        self._trunks = trunks

    def find(self, org_id: str, line: Line, destination: str) -> TransferRoute:
        """The route from a call's line to an E.164 number or a SIP URI. Raises DomainError."""
        by_number = not is_sip_uri(destination)
        number = destination if by_number else number_in_uri(destination)
        context = outbound_context(
            self._table, org_id, line.number_id, destination=number, fallback_trunk_id=line.trunk_id
        )
        if number is not None:
            context.check_destination()
        else:
            refuse_bare_number(destination, context.countries)
        if number is not None and number in (line.customer, _called_on(line, context)):
            raise DestinationNotAllowedError("A call cannot be transferred to itself.")
        target = None if by_number else check_sip_target(destination)
        trunk = self._trunk_of_call(org_id, line, context)
        hops = line.hops + 1
        own = number in context.own_numbers
        refers, bridges = _ways(trunk, context.trunk, to_own_number=own)
        refer_to = f"sip:{destination}@{trunk.settings.address}" if by_number else destination
        if own:
            refer_to += f"?{HOPS_HEADER}={hops}"
        return TransferRoute(
            destination=destination,
            refer_to=refer_to if refers else None,
            second_leg=self._second_leg(context, line, target, destination, hops) if bridges else None,
        )

    def _trunk_of_call(self, org_id: str, line: Line, context: OutboundContext) -> SipTrunk:
        """The trunk the caller's leg belongs to: what its peer can do decides."""
        if line.trunk_id is None or line.trunk_id == context.trunk.id:
            return context.trunk
        try:
            return self._trunks.get(org_id, line.trunk_id)
        except NotFoundError:  # deleted since the call began
            return context.trunk

    def _second_leg(
        self, context: OutboundContext, line: Line, target: SipTarget | None, destination: str, hops: int
    ) -> SecondLeg:
        own = context.number.phone_number
        if target is not None:
            return SecondLeg(
                trunk=_direct(target, context.trunk.settings.srtp), target=target.uri, caller=own, hops=hops
            )
        shown = line.customer if context.trunk.settings.caller_id == "pass_through" else None
        trunk = trunk_route(context.trunk, self._trunks)
        return SecondLeg(trunk=trunk, target=destination, caller=shown or own, hops=hops)


def _ways(trunk: SipTrunk, onward: SipTrunk, *, to_own_number: bool) -> tuple[bool, bool]:
    """Whether by REFER, and whether by a second leg through `onward`.

    `auto`: the peer is asked, and called ourselves when it does no transfers; at once ourselves where a trunk of its
    own is meant to carry transfers, and to numbers of ours, for only then does the hop count surely arrive.
    """
    mode = trunk.settings.transfer_mode
    if mode == "auto":
        return trunk.id == onward.id and not to_own_number, True
    return mode == "refer", mode == "bridge"


def _called_on(line: Line, context: OutboundContext) -> str | None:
    return context.number.phone_number if line.number_id else None


def _direct(target: SipTarget, srtp: Encryption) -> TrunkRoute:
    """To a SIP URI without a trunk: to the very address that was checked, whatever its name resolves to by then."""
    tls, server = target.transport == "tls", target.servers[0]
    port = target.port or server.port
    if tls:
        _require_name(target)
    return TrunkRoute(
        trunk_id="",
        address=f"[{target.host}]:{port}" if ":" in target.host else f"{target.host}:{port}",
        transport=target.transport,
        # over TLS whoever answers has to show the name that was checked
        outbound_proxy=None if tls else str(server),
        srtp=srtp,
    )


def _require_name(target: SipTarget) -> None:
    """Refuse TLS to an IP address: the stack would take any certificate that is valid for whatever name."""
    if literal_address(target.host) is not None:
        raise InvalidStateError("Over TLS a host name has to be called, for the certificate is checked against it.")
