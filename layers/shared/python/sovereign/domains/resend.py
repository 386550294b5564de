"""Resend's domain operations over its REST API (https://resend.com/docs/api-reference/domains).

RESEND_BASE_URL replaces the vendor's address: a stand-in in tests, a proxy in a closed network.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from sovereign.domains.model import RECORD_MEMBERS, RemoteDomain
from sovereign.kernel import egress
from sovereign.kernel.clock import from_wire
from sovereign.kernel.errors import InvalidRequestError, UnavailableError
from sovereign.kernel.settings import Environment, read_environment

TIMEOUT_SECONDS = 6.0
"""A request of ours takes up to four of Resend's and has to be answered within 28 s."""
MAX_ANSWER_BYTES = 1024 * 1024
PAGE = 100
MAX_PAGES = 3

_RETRY_AFTER = 5


class ResendEnvironment(Environment):
    """RESEND_BASE_URL: where Resend's API is."""

    resend_base_url: str = "https://api.resend.com"


class ResendRefusedError(InvalidRequestError):
    """Resend refuses the key or the request (400)."""

    code = "refused_by_resend"


class ResendDomainMissingError(Exception):
    """The account has no such domain."""


class ResendAccount:
    """The domains of the account a key belongs to. Raises UnavailableError when Resend cannot be reached or is busy."""

    def __init__(self, api_key: str, *, base_url: str | None = None) -> None:
        self._key = api_key
        self._base = (base_url or read_environment(ResendEnvironment).resend_base_url).rstrip("/")

    def create(self, name: str) -> RemoteDomain:
        """Add a domain. Raises ResendRefusedError, also when the account or another one has it."""
        return _domain(self._send("POST", "/domains", {"name": name}))

    def get(self, domain_id: str) -> RemoteDomain:
        """One domain with its DNS records. Raises ResendDomainMissingError."""
        return _domain(self._send("GET", f"/domains/{domain_id}"))

    def list(self) -> list[RemoteDomain]:
        """The domains of the account, at most 300."""
        found: list[RemoteDomain] = []
        query = f"?limit={PAGE}"
        for _ in range(MAX_PAGES):
            answer = self._send("GET", f"/domains{query}")
            page = answer.get("data")
            if not isinstance(page, list):
                _unreadable()
            found += [_domain(entry) for entry in page]
            if not page or not answer.get("has_more"):
                break
            query = f"?limit={PAGE}&after={found[-1].id}"
        return found

    def verify(self, domain_id: str) -> None:
        """Ask Resend to look at the DNS records. Raises ResendDomainMissingError."""
        self._send("POST", f"/domains/{domain_id}/verify")

    def delete(self, domain_id: str) -> None:
        """Remove a domain. Raises ResendDomainMissingError."""
        self._send("DELETE", f"/domains/{domain_id}")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        import httpx  # noqa: PLC0415 - costs a cold start 100 ms that reading the stored domain need not pay

        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            with (
                egress.client(timeout=TIMEOUT_SECONDS) as client,
                client.stream(method, f"{self._base}{path}", json=body, headers=headers) as response,
            ):
                content = egress.read_capped(response, MAX_ANSWER_BYTES, seconds=TIMEOUT_SECONDS).content
                return _answer(response.status_code, content)
        except httpx.HTTPError:
            raise UnavailableError("Resend cannot be reached; try again.", retry_after=_RETRY_AFTER) from None


def _answer(status: int, content: bytes) -> dict[str, Any]:
    if status == 404:
        raise ResendDomainMissingError
    if status == 429 or status >= 500:
        raise UnavailableError("Resend is busy or down; try again.", retry_after=_RETRY_AFTER)
    if status == 401:
        raise ResendRefusedError("Resend refuses the key.", code="resend_key_refused")
    if status >= 400:
        # its own words may quote what the account holds, so only the status is passed on
        raise ResendRefusedError(f"Resend refuses the request (status {status}).", resend_status=status)
    try:
        answer = json.loads(content or b"{}")
    except ValueError:
        _unreadable()
    if status >= 300 or not isinstance(answer, dict):
        _unreadable()
    return answer


def _domain(answer: Any) -> RemoteDomain:
    try:
        domain_id, name, status = answer["id"], answer["name"], answer["status"]
    except (KeyError, TypeError):
        _unreadable()
    if not all(isinstance(text, str) for text in (domain_id, name, status)):
        _unreadable()
    records = answer.get("records")
    region = answer.get("region")
    return RemoteDomain(
        id=domain_id,
        name=name,
        status=status,
        region=region if isinstance(region, str) else None,
        created_at=_moment(answer.get("created_at")),
        records=[{m: record.get(m) for m in RECORD_MEMBERS} for record in records if isinstance(record, dict)]
        if isinstance(records, list)
        else None,
    )


def _moment(text: Any) -> datetime | None:
    try:
        return from_wire(text.replace(" ", "T", 1)) if isinstance(text, str) else None
    except ValueError:
        return None


def _unreadable() -> NoReturn:
    raise UnavailableError("Resend gave an unreadable answer; try again.", retry_after=_RETRY_AFTER)
