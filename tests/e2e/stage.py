"""The platform under test as a client sees it: its API, its webhook sink, and waiting for what must come."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx

from infra.embedded.local_file import LocalPlatform
from infra.paths import REPOSITORY

Found = TypeVar("Found")
Json = dict[str, Any]

TERMINAL = {"ended", "ended-with-error", "transferred", "failed", "rejected", "insufficient-credits"}
_RIVERSIDE = (REPOSITORY / "infra" / "embedded" / "riverside_dental.json").read_text()
RIVERSIDE: Json = json.loads(_RIVERSIDE)
"""The demonstration assistant, its tool's address still to be filled in."""
_callers = count(random.randrange(1_000_000, 9_000_000))
_numbers = iter(range(43, 98))  # +1 202 555 0100 to 0199 are set aside for fiction


def new_caller() -> str:
    """An E.164 number no other call of this run shows, so that a call is found by it."""
    return f"+3161{next(_callers)}"


def until(find: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Ask until there is something (not None). Fails the test when the time is up."""
    deadline = time.monotonic() + seconds
    while (found := find()) is None:
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.1)
    return found


@dataclass(frozen=True)
class Stage:
    """A running platform. `api` has the seeded organization's key without a rate limit."""

    local: LocalPlatform
    home: Path
    api: httpx.Client
    sip: str
    fake_openai_port: int
    fake_xai_port: int
    environment: dict[str, str]
    _sink: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False))

    def get(self, path: str, **query: Any) -> Json:
        """A 200 answer."""
        answer = self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def make(self, path: str, singular: str, body: Json) -> Json:
        """Create a resource; returns it without its envelope."""
        answer = self.api.post(path, json=body)
        assert answer.status_code == 201, answer.text
        made: Json = answer.json()[singular]
        return made

    def change(self, path: str, body: Json) -> None:
        """PATCH a resource."""
        answer = self.api.patch(path, json=body)
        assert answer.status_code == 200, answer.text

    def number(self, *, assistant: str | None = None, trunk: str | None = None) -> Json:
        """Register a number that no other test uses."""
        body = {"phone_number": f"+120255501{next(_numbers)}", "agent_id": assistant, "transfer_trunk_id": trunk}
        return self.make("/numbers", "number", body)

    def assistant(self, **changes: Any) -> Json:
        """A copy of the demonstration assistant with other members."""
        base = json.loads(_RIVERSIDE.replace("{webhook_sink_url}", self.local.webhook_sink_url))
        return self.make("/assistants", "assistant", {**base, "webhook_secret": self.local.webhook_secret, **changes})

    def find_call(self, caller: str) -> Json | None:
        """The newest call with this person."""
        calls = self.get("/calls", limit=100)["calls"]
        return next((call for call in calls if call["caller_phone"] == caller), None)

    def call_of(self, caller: str, *, seconds: float = 10) -> Json:
        """The call with this person, as soon as there is one."""
        return until(lambda: self.find_call(caller), seconds, "the call's row")

    def call(self, call_id: str) -> Json:
        return self.get(f"/calls/{call_id}")

    def in_status(self, call_id: str, statuses: set[str], *, seconds: float = 60) -> Json:
        """The call once it has one of these statuses."""

        def find() -> Json | None:
            call = self.call(call_id)
            return call if call["status"] in statuses else None

        return until(find, seconds, f"status {'/'.join(sorted(statuses))} of {call_id}")

    def over(self, call_id: str, *, seconds: float = 30) -> Json:
        """The call once it has ended."""
        return self.in_status(call_id, TERMINAL, seconds=seconds)

    def said(self, call_id: str, words: str, *, role: str = "assistant", seconds: float = 45) -> str:
        """The first message of the transcript that holds these words (any case)."""

        def find() -> str | None:
            messages = self.call(call_id)["messages"] or []
            texts = (m["content"] for m in messages if m["role"] == role)
            return next((text for text in texts if words.lower() in text.lower()), None)

        return until(find, seconds, f"'{words}' said by the {role} in {call_id}")

    def received(self, path: str = "/events") -> list[Json]:
        """What the sink got, oldest first: received_at, path, headers (lower case), raw, body."""
        entries: list[Json] = self._sink.get(self.local.webhook_sink_url + path).json()["received"]
        return entries

    def webhooks(self, call_id: str, kind: str | None = None, *, path: str = "/events") -> list[Json]:
        """What the sink got of one call, of one event type or of all."""

        def wanted(entry: Json) -> bool:
            message = entry["body"]["message"]
            return message["call"]["id"] == call_id and kind in {None, message["type"]}

        return [entry for entry in self.received(path) if wanted(entry)]

    def report(self, call_id: str, *, seconds: float = 90) -> Json:
        """The sink's entry of a call's end-of-call report."""
        return until(
            lambda: next(iter(self.webhooks(call_id, "end-of-call-report")), None), seconds, f"the report of {call_id}"
        )

    def usage_of(self, call_id: str) -> Json | None:
        """The call's usage row, if it was billed."""
        return next((log for log in self.get("/usage", limit=1000)["logs"] if log["call_id"] == call_id), None)

    def control(self, call_id: str, **command: Any) -> httpx.Response:
        """Send a control command."""
        return self.api.post(f"/calls/{call_id}/control", json=command)


Webhooks = Callable[[str, str], list[Json]]
"""What an endpoint got: by call id and event type."""


def check_ended(
    stage: Stage, call_id: str, status: str, *end_reasons: str, seconds: float = 30, webhooks: Webhooks | None = None
) -> Json:
    """The call ended like this, with one report under one webhook-id at the sink (or where `webhooks` looks)."""
    webhooks = webhooks or stage.webhooks
    call = stage.over(call_id, seconds=seconds)
    assert call["status"] == status, call
    assert call["end_reason"] in end_reasons, call
    assert call["ended_at"] is not None
    report = until(lambda: next(iter(webhooks(call_id, "end-of-call-report")), None), 90, f"the report of {call_id}")
    message = report["body"]["message"]
    assert message["end_reason"] == call["end_reason"]
    assert message["call"]["status"] == status
    assert message["duration_seconds"] == call["duration_seconds"]
    reports = webhooks(call_id, "end-of-call-report")
    assert len({entry["headers"]["webhook-id"] for entry in reports}) == 1
    finals = [e for e in webhooks(call_id, "status-update") if "end_reason" in e["body"]["message"]]
    assert len({entry["headers"]["webhook-id"] for entry in finals}) == 1
    return stage.call(call_id)
