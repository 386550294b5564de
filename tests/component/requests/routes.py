"""Every operation of the API with its variants: a request, and what it needs before it is sent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sovereign.catalog.defaults import default_configs
from tests.component.requests.scene import Scene, fresh_name, fresh_number
from tests.unit.workflows.definitions import RECEPTION

Body = Any
Request = Callable[[Scene], tuple[str, Body]]
"""Makes what the request needs; its path below `/api/v1` and its body."""

LLM = {"provider": "local", "model": "intents"}
DAYS = "start_date=2026-01-01T00:00:00Z&end_date=2027-01-01T00:00:00.0005Z"
CAMPAIGN = {"schedule_start_time": "09:00", "schedule_end_time": "17:00", "timezone": "Europe/Amsterdam"}


@dataclass(frozen=True)
class Case:
    """One request of an operation (`GET /calls/{call_id}`), by what is special about it."""

    operation: str
    variant: str
    request: Request
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200

    @property
    def method(self) -> str:
        return self.operation.partition(" ")[0]

    def __str__(self) -> str:
        return f"{self.operation} {self.variant}".strip()


def at(path: str, body: Body = None) -> Request:
    """A request that needs nothing."""
    return lambda _: (path, body)


def function() -> Body:
    return {"name": fresh_name("tool"), "tool_type": "function", "tool_config": {"url": "https://example.com/tool"}}


def analysis() -> Body:
    return {"name": "Mood", "system_prompt": "Judge.", "user_prompt": "{transcript}", "schema": {"type": "object"}}


def mcp_server() -> Body:
    return {"name": fresh_name("server"), "url": "https://mcp.example.com/x", "headers": {"X-Key": "0123456789abcdef0"}}


def with_references(scene: Scene) -> Body:
    """An assistant that names one of everything it can name."""
    template = scene.make("/tool-templates", function())
    server = scene.make("/mcp-servers", mcp_server())
    tools = [
        {"type": "template", "template_id": template},
        {"type": "mcp", "mcp_server_id": server, "allowed_tools": ["look"]},
    ]
    plan = {"structured_data_plan": {"enabled": True, "template_id": scene.make("/analysis-templates", analysis())}}
    hook = {"webhook_url": "https://example.com/hook", "webhook_secret": "whsec_0123456789abcdef"}
    return {"name": "Front desk", "llm_config": LLM | {"tools": tools}, "analysis_plan": plan} | hook


def assistant(scene: Scene) -> str:
    return scene.make("/assistants", {"name": "Front desk"})


def campaign(scene: Scene, **members: Any) -> Body:
    return CAMPAIGN | {"name": "Spring", "agent_id": assistant(scene)} | members


def workflow() -> Body:
    return {"name": "Reception", "definition": RECEPTION}


def crud(
    path: str, item: str, body: Callable[[Scene], Body], changes: Mapping[str, Callable[[Scene], Body]]
) -> Iterator[Case]:
    """The usual five; `changes` are bodies of PATCH by variant."""
    yield Case(f"GET /{path}", "", at(f"/{path}"))
    yield Case(f"POST /{path}", "", lambda s: (f"/{path}", body(s)), status=201)
    yield Case(
        f"POST /{path}", "with a key", lambda s: (f"/{path}", body(s)), {"Idempotency-Key": fresh_name("k")}, 201
    )
    yield Case(f"GET /{path}/{{{item}}}", "", lambda s: (f"/{path}/{s.make(f'/{path}', body(s))}", None))
    yield Case(f"DELETE /{path}/{{{item}}}", "", lambda s: (f"/{path}/{s.make(f'/{path}', body(s))}", None))
    for variant, change in changes.items():
        yield Case(f"PATCH /{path}/{{{item}}}", variant, _changing(path, body, change))


def _changing(path: str, body: Callable[[Scene], Body], change: Callable[[Scene], Body]) -> Request:
    return lambda s: (f"/{path}/{s.make(f'/{path}', body(s))}", change(s))


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _open_routes()
    for path in ("assistants", "agents"):
        changes = {"": lambda _: {"name": "Other"}, "naming others": with_references}
        yield from crud(path, "assistant_id", with_references, changes)
    yield from crud("tool-templates", "template_id", lambda _: function(), {"": lambda _: {"description": "Other"}})
    yield from crud("analysis-templates", "template_id", lambda _: analysis(), {"": lambda _: {"name": "Other"}})
    yield from crud("mcp-servers", "server_id", lambda _: mcp_server(), {"": lambda _: {"name": fresh_name("server")}})
    yield Case(
        "POST /mcp-servers/{server_id}/test",
        "",
        lambda s: (f"/mcp-servers/{s.make('/mcp-servers', mcp_server())}/test", {}),
    )
    rename = {"": lambda _: {"name": "Other"}, "of the definition": lambda _: {"definition": RECEPTION}}
    yield from crud("workflows", "workflow_id", lambda _: workflow(), rename)
    yield from crud("numbers", "number_id", _number, {"": lambda _: {"name": "Other"}, "attaching": _attachments})
    yield from crud("sip-trunks", "trunk_id", lambda _: _trunk(), {"": lambda _: {"inbound_addresses": ["192.0.2.9"]}})
    yield from _calls()
    yield from _campaigns()
    yield from _organization()
    yield from _keys()
    yield from _domains()
    yield from _deliveries()


def _open_routes() -> Iterator[Case]:
    for path in ("/health", "/openapi.json", "/voices"):
        yield Case(f"GET {path}", "", at(path))


def _trunk() -> Body:
    return {
        "name": "Carrier",
        "provider": "custom",
        "address": "sip.example.com",
        "auth_username": "me",
        "auth_password": "correct horse",
        "inbound_addresses": ["203.0.113.0/28"],
    }


def _attachments(scene: Scene) -> Body:
    return {
        "agent_id": assistant(scene),
        "workflow_id": scene.make("/workflows", workflow()),
        "transfer_trunk_id": scene.ids["trunk"],
    }


def _number(scene: Scene) -> Body:
    return {"phone_number": fresh_number(), **_attachments(scene)}


def _calls() -> Iterator[Case]:
    for variant, query in {
        "": "",
        "of one status": "?status=ended",
        "of one assistant": "?agent_id=agent",
        "of one direction": "?direction=inbound&limit=1&offset=1",
        "between moments": f"?{DAYS}",
        "since a moment": "?start_date=2026-01-01&offset=2",
        "until a moment": "?end_date=2026-01-01",
        "of one status between moments": f"?status=ended&{DAYS}",
    }.items():
        yield Case("GET /calls", variant, at(f"/calls{query}"))
    yield Case("GET /calls/{call_id}", "", lambda s: (f"/calls/{s.ids['call']}", None))
    yield Case("GET /calls/{call_id}/recording", "", lambda s: (f"/calls/{s.ids['call']}/recording", None), status=302)
    yield Case("GET /usage", "", at("/usage?limit=2"))
    for variant, query in {"between": DAYS, "since": "start_date=2026-01-01", "until": "end_date=2026-01-01"}.items():
        yield Case("GET /usage", f"{variant} moments", at(f"/usage?limit=2&{query}"))
    yield from _dials()
    for command in (
        {"type": "say", "content": "Hello"},
        {"type": "inject-context", "content": "VIP"},
        {"type": "end-call"},
        {"type": "send-dtmf", "digits": "1"},
        {"type": "transfer", "destination": "+12025550143"},
    ):
        yield Case("POST /calls/{call_id}/control", command["type"], _controlling(command))


def _controlling(command: Body) -> Request:
    return lambda s: (f"/calls/{s.running_call().call_id}/control", command)


def _dials() -> Iterator[Case]:
    def order(make: Callable[[Scene], Body]) -> Request:
        return lambda s: ("/calls/outbound", {"destination": "+12025550143"} | make(s))

    def saved(scene: Scene) -> Body:
        return {"assistant_id": scene.make("/assistants", with_references(scene))}

    def overridden(scene: Scene) -> Body:
        override = {"llm_config": with_references(scene)["llm_config"]}
        return {"assistant_id": assistant(scene), "assistant_override": override}

    def transient(scene: Scene) -> Body:
        configs = {name: default_configs()[name] for name in ("stt_config", "tts_config")}
        return {"assistant": configs | {"llm_config": with_references(scene)["llm_config"]}}

    yield Case("POST /calls/outbound", "", order(lambda s: {"assistant_id": assistant(s)}))
    yield Case("POST /calls/outbound", "naming templates", order(saved))
    yield Case("POST /calls/outbound", "overriding", order(overridden))
    yield Case("POST /calls/outbound", "transient", order(transient))
    yield Case("POST /calls/outbound", "from", order(lambda s: saved(s) | {"number_id": s.ids["number"]}))
    yield Case("POST /calls/outbound", "with a key", order(saved), {"Idempotency-Key": fresh_name("k")})


def _campaigns() -> Iterator[Case]:
    changes: dict[str, Callable[[Scene], Body]] = {
        "": lambda _: {"name": "Other"},
        "starting": lambda _: {"status": "scheduled"},
        "of the assistant": lambda s: {"agent_id": assistant(s)},
        "cancelling": lambda _: {"status": "cancelled"},
    }
    yield from crud("campaigns", "campaign_id", campaign, changes)

    def leads(scene: Scene) -> str:
        return f"/campaigns/{scene.make('/campaigns', campaign(scene))}/leads"

    def one() -> Body:
        return {"phone_number": fresh_number()}

    def with_lead(scene: Scene) -> tuple[str, Body]:
        path = leads(scene)
        return f"{path}/{scene.make(path, one())}", None

    yield Case(
        "POST /campaigns",
        "with leads",
        lambda s: ("/campaigns", campaign(s, leads=[one() for _ in range(10)])),
        status=201,
    )
    yield Case("GET /campaigns/{campaign_id}/leads", "", lambda s: (leads(s), None))
    yield Case("GET /campaigns/{campaign_id}/leads", "paged", lambda s: (f"{leads(s)}?limit=5&offset=1", None))
    yield Case("POST /campaigns/{campaign_id}/leads", "", lambda s: (leads(s), one()), status=201)
    yield Case(
        "POST /campaigns/{campaign_id}/leads",
        "several",
        lambda s: (leads(s), {"leads": [one() for _ in range(10)]}),
        status=201,
    )
    yield Case("DELETE /campaigns/{campaign_id}/leads/{lead_id}", "", with_lead)
    imports = "/campaigns/{campaign_id}/imports"
    yield Case(f"POST {imports}", "", lambda s: (_imports(s), None), status=201)
    yield Case(f"GET {imports}/{{import_id}}", "", _import)
    yield Case("GET /do-not-call", "", at("/do-not-call"))
    yield Case("POST /do-not-call", "", lambda _: ("/do-not-call", {"phone_number": fresh_number()}), status=201)
    yield Case("DELETE /do-not-call/{number}", "", _listed)


def _imports(scene: Scene) -> str:
    return f"/campaigns/{scene.make('/campaigns', campaign(scene))}/imports"


def _import(scene: Scene) -> tuple[str, Body]:
    path = _imports(scene)
    return f"{path}/{scene.make(path, {})}", None


def _listed(scene: Scene) -> tuple[str, Body]:
    number = fresh_number()
    scene.send("POST", "/do-not-call", {"phone_number": number})
    return f"/do-not-call/{number}", None


def _whole_organization(scene: Scene) -> tuple[str, Body]:
    return "/organizations", scene.send("GET", "/organizations?include_children=true")


def _organization() -> Iterator[Case]:
    for path in ("/organizations", "/account"):
        yield Case(f"GET {path}", "", at(path))
        yield Case(f"GET {path}", "with children", at(f"{path}?include_children=true"))
    for variant, change in {
        "": {"announce_rejections": True},
        "of retention": {"content_retention_days": 30, "metadata_retention_days": 90},
        "of the webhook": {"webhook_url": "https://example.com/hook", "webhook_secret": "whsec_0123456789abcdef"},
    }.items():
        yield Case("PATCH /organizations", variant, at("/organizations", change))
    yield Case("PATCH /organizations", "with children", _whole_organization)
    yield Case("POST /organizations", "", at("/organizations", {"name": "Child"}), status=201)


def _keys() -> Iterator[Case]:
    yield Case("GET /api-keys", "", at("/api-keys"))
    yield Case("POST /api-keys", "", at("/api-keys", {"name": "Other"}), status=201)
    yield Case("DELETE /api-keys/{key_id}", "", lambda s: (f"/api-keys/{_key(s)}", None))
    key = {"provider": "openai", "api_key": "sk-0123456789abcdef"}

    def stored(scene: Scene) -> None:
        scene.send("POST", "/byok", key)

    yield Case("GET /byok", "", at("/byok"))
    yield Case("POST /byok", "", at("/byok", key))
    yield Case("GET /byok/config", "", at("/byok/config"))
    config = {"provider": "openai", "config": {}}
    yield Case("POST /byok/config", "", lambda s: (stored(s), ("/byok/config", config))[1])  # type: ignore[func-returns-value]
    yield Case("DELETE /byok", "", lambda s: (stored(s), ("/byok", {"provider": "openai"}))[1])  # type: ignore[func-returns-value]


def _key(scene: Scene) -> str:
    return str(scene.send("POST", "/api-keys", {"name": "Other"})["api_key"]["id"])


def _domains() -> Iterator[Case]:
    name = {"domain_name": "mail.example.com"}

    def with_domain(path: str, body: Body = None) -> Request:
        def request(scene: Scene) -> tuple[str, Body]:
            if scene.send("GET", "/domains")["domain"] is None:
                scene.send("POST", "/domains", name)
            return path, body

        return request

    def without_domain(scene: Scene) -> tuple[str, Body]:
        if scene.send("GET", "/domains")["domain"] is not None:
            scene.send("DELETE", "/domains")
        return "/domains", name

    yield Case("GET /domains", "", at("/domains"))
    yield Case("POST /domains", "", without_domain, status=201)
    yield Case("GET /domains/sync", "", with_domain("/domains/sync"))
    yield Case("POST /domains/sync", "", with_domain("/domains/sync", {"resendDomainId": "resend-1"}))
    yield Case("POST /domains/verify", "", with_domain("/domains/verify"))
    yield Case("POST /domains/refresh", "", with_domain("/domains/refresh"))
    yield Case("DELETE /domains", "", with_domain("/domains"))


def _deliveries() -> Iterator[Case]:
    def listing(query: str) -> Request:
        return lambda s: (f"/webhook-deliveries{query.format(call=s.ids['delivery'].partition('.')[0])}", None)

    for variant, query in {"": "", "of a call": "?call_id={call}", "of a status": "?status=delivered"}.items():
        yield Case("GET /webhook-deliveries", variant, listing(query))
    yield Case("GET /webhook-deliveries", "of both", listing("?call_id={call}&status=delivered&limit=1"))
    yield Case(
        "POST /webhook-deliveries/{delivery_id}/replay",
        "",
        lambda s: (f"/webhook-deliveries/{s.delivery()}/replay", None),
    )
