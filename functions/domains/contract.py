"""What the domain routes answer."""

from typing import Any

from typing_extensions import TypedDict

from sovereign.http.contract.operation import DONE, Done, Id, JsonObject, Moment, Operation, Operations, envelope


class Domain(TypedDict):
    """The organization's sending domain; its `records` are to be put into DNS."""

    id: Id
    org_id: str
    domain_name: str
    resend_domain_id: str
    status: str
    region: str | None
    records: list[dict[str, Any]] | None
    created_at: Moment
    updated_at: Moment
    verified_at: Moment | None


class ListedDomain(TypedDict):
    """A domain of the Resend account."""

    id: str
    name: str
    status: str
    region: str | None


_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "org_id": "7b0d5f0c-63f8-4a35-8a0e-5a1f0d1e9b11",
    "domain_name": "mail.example.com",
    "resend_domain_id": "d91cd9bd-1176-453e-8fc1-35364d380206",
    "status": "pending",
    "region": "eu-west-1",
    "records": [{"record": "SPF", "name": "send", "type": "TXT", "ttl": "Auto", "status": "pending", "value": "v"}],
    "created_at": "2026-11-23T09:30:00.000Z",
    "updated_at": "2026-11-23T09:30:00.000Z",
    "verified_at": None,
}
_LISTED = {name: _EXAMPLE[name] for name in ("status", "region")} | {
    "id": _EXAMPLE["resend_domain_id"],
    "name": "mail.example.com",
}
_ONE = envelope(domain=Domain)
_BODY = {"domain": _EXAMPLE}

OPERATIONS: Operations = {
    "GET /domains": Operation(envelope(domain=Domain | None), _BODY),
    "POST /domains": Operation(_ONE, _BODY, request={"domain_name": "mail.example.com"}),
    "DELETE /domains": Operation(Done, DONE, errors=(404,)),
    "GET /domains/sync": Operation(
        envelope(domains=list[ListedDomain], selected_domain_id=str | None),
        {"domains": [_LISTED], "selected_domain_id": None},
    ),
    "POST /domains/sync": Operation(
        envelope(domain=Domain, message=str),
        {**_BODY, "message": "The domain was taken over from Resend."},
        request={"resendDomainId": _EXAMPLE["resend_domain_id"]},
        errors=(404,),
    ),
    "POST /domains/verify": Operation(_ONE, _BODY, errors=(404,)),
    "POST /domains/refresh": Operation(_ONE, _BODY, errors=(404,)),
}
