"""What a piece of work asks of AWS: every request, the time on the wire and the items a query looked at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sovereign.kernel import aws

SERVICES = ("dynamodb", "kms", "secretsmanager", "sqs", "lambda")

_READS = ("GetItem", "Query", "BatchGetItem")


@dataclass
class Seen:
    """The requests of one piece of work. `seconds` were spent between sending one and having its answer; `stale` are
    reads of a route's own that may miss what was written just before (an index always may)."""

    operations: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    items: int = 0
    stale: list[str] = field(default_factory=list)

    @property
    def own(self) -> int:
        """Requests to the table that a route makes itself: without key, rate count and idempotency record."""
        return sum(1 for service, key in self.operations if service == "dynamodb" and not _is_frames(key))

    @property
    def frames(self) -> int:
        """Those that the route does not make itself."""
        return sum(1 for service, key in self.operations if service == "dynamodb" and _is_frames(key))


def _is_frames(key: str) -> bool:
    """Whether the HTTP frame made this request, the same on every route; a call's own rate counter is the route's."""
    if key.startswith("RATE#call-"):
        return False
    return key.startswith(("APIKEY#", "RATE#")) or key.endswith("#IDEMPOTENCY")


def _is_consistent(params: dict[str, Any]) -> bool:
    tables = params.get("RequestItems", {"": params}).values()
    return "IndexName" in params or all(table.get("ConsistentRead") for table in tables)


class Watch:
    """Sees every request of this process's AWS clients."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._sent = 0.0
        make: Any = aws.client
        for client in (*map(make, SERVICES), aws.lambda_client_sending_once()):
            events = client.meta.events
            events.register("before-parameter-build", self._named)
            events.register("before-send", self._sending)
            events.register("response-received", self._received)

    @contextmanager
    def during(self) -> Iterator[Seen]:
        """What the block asks for."""
        self._seen = Seen()
        yield self._seen

    def _named(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        key = params.get("Key") or params.get("Item") or {}
        pk = key.get("pk", {}).get("S", "")
        self._seen.operations.append((model.service_model.service_name, pk))
        if model.name in _READS and not _is_frames(pk) and not _is_consistent(params):
            self._seen.stale.append(f"{model.name} {pk}")

    def _sending(self, **_: Any) -> None:
        self._sent = time.perf_counter()

    def _received(self, parsed_response: Any = None, **_: Any) -> None:
        self._seen.seconds += time.perf_counter() - self._sent
        answer = parsed_response or {}
        found = answer.get("ScannedCount", 1 if "Item" in answer else 0)
        self._seen.items += found + sum(len(rows) for rows in answer.get("Responses", {}).values())
