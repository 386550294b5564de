"""Every route of the deployed functions, warm and in this process, on the emulator's table: time of our own."""

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from bench.embedded import HOME, BenchPlatform
from bench.requests import Watch
from bench.table import Row
from infra.embedded.cloud import cloud_client
from infra.embedded.local_file import LocalPlatform, read_local
from sovereign.calls.store import CallStore
from sovereign.kernel.table import Table
from sovereign.nodes.client import NodeAnswer
from tests.contract.history import load, make_history

REPEATS, WARM_UP = 40, 5
ASSISTANT = {"name": "Bench", "first_message": "Hello"}
TRUNK = {"name": "Bench", "provider": "custom", "address": "sip.example.com", "inbound_addresses": ["203.0.113.0/28"]}
ORDER = {"destination": "+12025550143"}
POLICY = {"outbound_policy": {"max_calls_per_minute": 1000, "max_concurrent_calls": 1000}}
PAST_CALLS = 300
_serial = iter(range(1, 10**7))


def fresh_number() -> str:
    """A valid number nobody has used here."""
    return f"+3162{next(_serial):07d}"


class Functions:
    """The deployed functions' own handlers, called as the HTTP API calls them."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._handlers: dict[str, Callable[..., dict[str, Any]]] = {}

    def send(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and parsed body of a request below `/api/v1`."""
        name = path.strip("/").partition("/")[0].partition("?")[0].replace("-", "_")
        function = {"agents": "assistants", "account": "organizations"}.get(name, name)
        if function not in self._handlers:
            self._handlers[function] = importlib.import_module(f"functions.{function}.handler").handler
        answer = self._handlers[function](self._event(method, path, body), None)
        return answer["statusCode"], json.loads(answer["body"])

    def _event(self, method: str, path: str, body: Any) -> dict[str, Any]:
        raw_path, _, query = f"/api/v1{path}".partition("?")
        http = {"method": method, "path": raw_path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": raw_path,
            "rawQueryString": query,
            "headers": {
                "authorization": f"Bearer {self._key}",
                "host": "api.example",
                "content-type": "application/json",
            },
            "requestContext": {"requestId": "bench", "stage": "$default", "http": http},
            "isBase64Encoded": False,
        }
        return event if body is None else event | {"body": json.dumps(body)}

    def carry_calls(self) -> None:
        """From now on every call finds a media node that does what it is told: the gateway is not what is measured.

        Not by the framework's overrides: with one, it analyses every dependency of a route anew for each request.
        """
        router: Any = importlib.import_module("functions.calls.router")
        router.NodeClient = WillingNodes


class WillingNodes:
    """In place of the way to the media nodes."""

    def __init__(self, function_name: str) -> None:
        """As the way itself is made."""

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        """Taken."""
        return NodeAnswer(ok=True)

    def control(self, node_id: str, org_id: str, call_id: str, command: Any) -> NodeAnswer:
        """Done."""
        return NodeAnswer(ok=True)


@dataclass
class Scene:
    """What the routes need beside what they make themselves."""

    functions: Functions
    calls: CallStore
    org_id: str
    assistant_id: str
    ended_call: str

    def running_call(self) -> str:
        """A call in progress on a node."""
        order = ORDER | {"assistant_id": self.assistant_id}
        call_id = str(self.functions.send("POST", "/calls/outbound", order)[1]["call_id"])
        ref = self.calls.rows.find(self.org_id, call_id)
        assert ref is not None
        self.calls.lifecycle.claim_dial(ref, "bench")
        self.calls.lifecycle.mark_answered(ref)
        return call_id


@dataclass
class Route:
    """One route: `request` makes the next path and body. `expect` is the status that counts as done."""

    method: str
    name: str
    request: Callable[[], tuple[str, Any]]
    expect: int = 200
    own_ms: list[float] = field(default_factory=list)
    table_requests: int = 0

    @property
    def p95_ms(self) -> float:
        """95th percentile of the time outside AWS requests."""
        return float(np.percentile(self.own_ms, 95))


def routes(scene: Scene) -> Iterator[Route]:
    """Every route of the API, with the objects it needs."""
    send, call_id = scene.functions.send, scene.ended_call
    yield Route("GET", "/health", lambda: ("/health", None))
    yield Route("GET", "/voices", lambda: ("/voices", None))
    yield from _resource(send, "assistants", "assistant", lambda: ASSISTANT, {"name": "Other"})
    yield from _resource(send, "agents", "agent", lambda: ASSISTANT, {"name": "Other"})
    yield from _resource(send, "numbers", "number", lambda: {"phone_number": fresh_number()}, {"name": "Other"})
    yield from _resource(send, "sip-trunks", "trunk", lambda: TRUNK, {"name": "Other"})
    yield Route("GET", "/calls", lambda: ("/calls", None))
    yield Route("GET", "/calls/{id}", lambda: (f"/calls/{call_id}", None))
    order = ORDER | {"assistant_id": scene.assistant_id}
    yield Route("POST", "/calls/outbound", lambda: ("/calls/outbound", order))
    end: Any = {"type": "end-call"}
    yield Route("POST", "/calls/{id}/control", lambda: (f"/calls/{scene.running_call()}/control", end))
    yield Route("GET", "/usage", lambda: ("/usage", None))
    yield Route("GET", "/organizations", lambda: ("/organizations", None))
    yield Route("GET", "/account", lambda: ("/account", None))
    yield Route("PATCH", "/organizations", lambda: ("/organizations", {"announce_rejections": True}))
    yield Route("POST", "/organizations", lambda: ("/organizations", {"name": "Child"}), 201)
    yield Route("GET", "/api-keys", lambda: ("/api-keys", None))
    yield Route("POST", "/api-keys", lambda: ("/api-keys", {"name": "Bench"}), 201)
    made: Callable[[], str] = lambda: send("POST", "/api-keys", {"name": "x"})[1]["api_key"]["id"]  # noqa: E731
    yield Route("DELETE", "/api-keys/{id}", lambda: (f"/api-keys/{made()}", None))
    yield Route("GET", "/webhook-deliveries", lambda: ("/webhook-deliveries", None))
    replay: Callable[[], str] = lambda: f"/webhook-deliveries/{delivered(scene.functions, call_id)}/replay"  # noqa: E731
    yield Route("POST", "/webhook-deliveries/{id}/replay", lambda: (replay(), None))


def _resource(
    send: Callable[..., tuple[int, Any]], path: str, singular: str, body: Callable[[], Any], change: Any
) -> Iterator[Route]:
    def create() -> str:
        return str(send("POST", f"/{path}", body())[1][singular]["id"])

    kept = create()
    yield Route("GET", f"/{path}", lambda: (f"/{path}", None))
    yield Route("GET", f"/{path}/{{id}}", lambda: (f"/{path}/{kept}", None))
    yield Route("PATCH", f"/{path}/{{id}}", lambda: (f"/{path}/{kept}", change))
    yield Route("DELETE", f"/{path}/{{id}}", lambda: (f"/{path}/{create()}", None))
    yield Route("POST", f"/{path}", lambda: (f"/{path}", body()), 201)


def measure() -> list[dict[str, Any]]:
    """Every route's figures; runs where the functions' environment is."""
    local = read_local(HOME / "local.json")
    assert local is not None
    functions, watch = Functions(local.load_api_key), Watch()
    scene = _set_scene(functions, local)
    found = []
    for route in routes(scene):
        _measure(route, functions, watch)
        name = f"{route.method} {route.name}"
        found.append({"route": name, "p95_ms": route.p95_ms, "requests": route.table_requests})
    return found


def _set_scene(functions: Functions, local: LocalPlatform) -> Scene:
    """A past to page through, an assistant with a webhook, and a call of it that ended for want of a node."""
    table = cast("Table", importlib.import_module("functions.calls.handler").handler.app.state.frame.table)
    past = make_history(local.organization_id, PAST_CALLS, seed=1)
    load(cloud_client("dynamodb", local.aws_endpoint_url), table.name, past.items())
    functions.send("PATCH", "/organizations", POLICY)
    hook = {"webhook_url": f"{local.webhook_sink_url}/events"}
    assistant = functions.send("POST", "/assistants", ASSISTANT | hook)[1]["assistant"]["id"]
    functions.send("POST", "/calls/outbound", ORDER | {"assistant_id": assistant})
    call_id = functions.send("GET", "/calls?limit=1")[1]["calls"][0]["id"]
    functions.carry_calls()
    return Scene(functions, CallStore(table), local.organization_id, assistant, call_id)


def delivered(functions: Functions, call_id: str) -> str:
    """A webhook delivery of the call that is done, so that it may be replayed."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = functions.send("GET", f"/webhook-deliveries?call_id={call_id}&status=delivered")[1]
        if found["webhook_deliveries"]:
            return str(found["webhook_deliveries"][0]["id"])
        time.sleep(0.2)
    raise RuntimeError("the call's webhook was not delivered within 30 s")


def _measure(route: Route, functions: Functions, watch: Watch) -> None:
    for repeat in range(WARM_UP + REPEATS):
        path, body = route.request()
        with watch.during() as seen:
            began = time.perf_counter()
            status, answer = functions.send(route.method, path, body)
            took = time.perf_counter() - began
        if status != route.expect:
            raise RuntimeError(f"{route.method} {path} said {status}: {answer}")
        if repeat >= WARM_UP:
            route.own_ms.append((took - seen.seconds) * 1000)
            route.table_requests = max(route.table_requests, seen.own)


def run(platform: BenchPlatform, tell: Callable[[str], None]) -> list[Row]:
    """The row of this file, and the list of routes behind it."""
    found = platform.measure("bench.handlers")
    for route in found:
        tell(f"  {route['route']:34}{route['p95_ms']:8.1f} ms p95 {route['requests']:4d} requests")
    worst = max(found, key=lambda route: route["p95_ms"])
    return [Row("handler_p95_ms", worst["p95_ms"], note=f"worst of {len(found)} routes: {worst['route']}")]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
