"""A stand-in for Resend: the answers and errors of its REST API for domains and for sending e-mail."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.server import BAD_KEY, GOOD_KEY, Trouble

LIST_LIMIT = 20
MOST_RECIPIENTS = 50
LONGEST_KEY = 256
ERROR_NAMES = {429: "rate_limit_exceeded", 500: "internal_server_error", 503: "service_unavailable"}


class FakeResend:
    """One account. `trouble.status` refuses everything; `cut_after` names operations whose answer never arrives."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.trouble = trouble or Trouble()
        self.domains: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str]] = []
        self.cut_after: set[str] = set()
        self.emails: list[dict[str, Any]] = []
        """What was accepted, each once, in the order of its arrival."""
        self.retry_after: str | None = None
        self.base_url = ""
        self._next = 1
        self._remembered: dict[str, tuple[Any, tuple[int, Any]]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, *, created_at: str | None = None, status: str = "not_started") -> dict[str, Any]:
        """A domain of the account."""
        domain_id = f"d91cd9bd-1176-453e-8fc1-{self._next:012d}"
        self._next += 1
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()) + ".123456+00"
        self.domains[domain_id] = {
            "object": "domain",
            "id": domain_id,
            "name": name,
            "status": status,
            "created_at": created_at or now,
            "region": "eu-west-1",
            "records": records_of(name, status),
        }
        return self.domains[domain_id]

    def answer(
        self, method: str, path: str, key: str, body: Any, *, idempotency_key: str | None = None
    ) -> tuple[int, Any]:
        """Status and body."""
        self.requests.append((method, path))
        if self.trouble.status:
            return error(self.trouble.status, ERROR_NAMES.get(self.trouble.status, "application_error"))
        if key != GOOD_KEY:
            return error(401, "restricted_api_key") if key == BAD_KEY else error(400, "validation_error")
        route, _, query = path.partition("?")
        parts = route.strip("/").split("/")
        if (method, parts) == ("POST", ["emails"]):
            with self._lock:
                return self._send(body, idempotency_key)
        if parts[0] != "domains":
            return error(404, "not_found")
        if len(parts) == 1:
            return self._create(body) if method == "POST" else self._list(query)
        return self._one(method, parts[1], parts[2:])

    def _send(self, body: Any, idempotency_key: str | None) -> tuple[int, Any]:
        """An answer is remembered with its key and its body, a refusal is not."""
        if idempotency_key is None:
            return self._accept(body)
        if not 1 <= len(idempotency_key) <= LONGEST_KEY:
            return error(400, "invalid_idempotency_key")
        if idempotency_key in self._remembered:
            known, answer = self._remembered[idempotency_key]
            return answer if known == body else error(409, "invalid_idempotent_request")
        answer = self._accept(body)
        if answer[0] == 200:
            self._remembered[idempotency_key] = (body, answer)
        return answer

    def _accept(self, body: Any) -> tuple[int, Any]:
        if not isinstance(body, dict) or not all(body.get(name) for name in ("from", "to", "subject")):
            return error(422, "missing_required_field")
        recipients = body["to"] if isinstance(body["to"], list) else [body["to"]]
        if len(recipients) > MOST_RECIPIENTS or not all("@" in recipient for recipient in recipients):
            return error(422, "validation_error")
        domain = body["from"].rsplit("@", 1)[-1].removesuffix(">")
        if not any(d["name"] == domain and d["status"] == "verified" for d in self.domains.values()):
            return error(403, "validation_error")
        email_id = f"49a3999c-0ce1-4ea6-ab68-{len(self.emails):012d}"
        self.emails.append({**body, "id": email_id})
        return 200, {"id": email_id}

    def _create(self, body: Any) -> tuple[int, Any]:
        name = body.get("name") if isinstance(body, dict) else None
        if not name:
            return error(422, "missing_required_field")
        if any(domain["name"] == name for domain in self.domains.values()):
            return error(403, "validation_error")
        return 201, {n: v for n, v in self.add(name).items() if n != "object"}

    def _list(self, query: str) -> tuple[int, Any]:
        asked = dict(part.split("=") for part in query.split("&") if part)
        everyone = [{n: v for n, v in d.items() if n not in ("object", "records")} for d in self.domains.values()]
        start = next((i + 1 for i, d in enumerate(everyone) if d["id"] == asked.get("after")), 0)
        limit = min(int(asked.get("limit", LIST_LIMIT)), LIST_LIMIT)
        page = everyone[start : start + limit]
        return 200, {"object": "list", "has_more": start + limit < len(everyone), "data": page}

    def _one(self, method: str, domain_id: str, rest: list[str]) -> tuple[int, Any]:
        domain = self.domains.get(domain_id)
        if domain is None:
            return error(404, "not_found")
        if method == "DELETE":
            del self.domains[domain_id]
            return 200, {"object": "domain", "id": domain_id, "deleted": True}
        if method == "POST" and rest == ["verify"]:
            domain["status"] = "pending"
            return 200, {"object": "domain", "id": domain_id}
        return 200, domain


def records_of(name: str, status: str) -> list[dict[str, Any]]:
    """The DNS records Resend asks for."""
    shared = {"ttl": "Auto", "status": status}
    return [
        {"record": "SPF", "name": "send", "type": "MX", "value": "feedback-smtp.example.com", "priority": 10, **shared},
        {"record": "SPF", "name": "send", "type": "TXT", "value": "v=spf1 include:example.com ~all", **shared},
        {"record": "DKIM", "name": "resend._domainkey", "type": "TXT", "value": f"p={name}", **shared},
    ]


def error(status: int, name: str) -> tuple[int, Any]:
    """An error as Resend words it."""
    return status, {"statusCode": status, "message": "refused by the stand-in", "name": name}


@contextmanager
def serving(account: FakeResend) -> Iterator[str]:
    """Serve an account on loopback; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            once = self.headers.get("Idempotency-Key")
            status, answer = account.answer(self.command, self.path, key, body, idempotency_key=once)
            if self.command in account.cut_after:
                self.close_connection = True
                return
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if account.retry_after and status >= 400:
                self.send_header("Retry-After", account.retry_after)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - the names the base class looks for

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
