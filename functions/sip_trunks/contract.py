"""What the SIP trunk routes answer."""

from sovereign.http.contract.operation import Id, JsonObject, Moment, Operations, Resource, view
from sovereign.sip_trunks import TrunkSettings

Trunk = view("Trunk", TrunkSettings, id=Id, org_id=str, created_at=Moment, updated_at=Moment)
_CREATE: JsonObject = {
    "name": "Carrier",
    "provider": "example",
    "address": "sip.example.com",
    "inbound_addresses": ["203.0.113.0/28"],
}
_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "org_id": "7b0d5f0c-63f8-4a35-8a0e-5a1f0d1e9b11",
    **_CREATE,
    "transport": "udp",
    "auth_username": None,
    "is_active": True,
    "outbound_proxy": None,
    "from_domain": None,
    "registration": "none",
    "transfer_mode": "auto",
    "caller_id": "own",
    "srtp": "off",
    "max_concurrent_calls": None,
    "calls_per_second": None,
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = Resource(
    path="sip-trunks",
    parameter="trunk_id",
    plural="trunks",
    singular="trunk",
    shown=Trunk,
    example=_EXAMPLE,
    create=_CREATE,
    change={"auth_username": "agent", "auth_password": "correct horse"},
    warns=True,
).operations()
