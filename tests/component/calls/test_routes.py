"""The routes of calls and usage, from the key in the header to the table."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.calls import control
from functions.calls.router import node_client, router
from functions.usage.router import router as usage_router
from sovereign.assistants import AssistantChanges, AssistantSettings, AssistantStore, EffectiveAssistant
from sovereign.assistants.needs import needs_ref
from sovereign.calls import keys
from sovereign.calls.model import CallOutcome, CallRef, EndReason, Message
from sovereign.calls.store import CallStore
from sovereign.catalog.defaults import default_configs
from sovereign.do_not_call import DoNotCallStore, Listing
from sovereign.http import create_app, limit_control_commands
from sovereign.kernel import aws, secrets, settings
from sovereign.kernel.encryption import default_cipher
from sovereign.kernel.table import Delete, Update
from sovereign.nodes.client import NodeAnswer
from sovereign.numbers import NumberSettings, NumberStore
from sovereign.organizations import NewOrganization, OrganizationStore, organization_ref
from sovereign.sip_trunks import TrunkSettings, TrunkStore
from sovereign.tool_templates import ToolTemplateStore
from tests.component.calls.harness import CALLER, ORG, OWN, CountingTable, FakeClock, moto_table, new_call

CALL_MEMBERS = {
    "id", "caller_phone", "assistant_phone", "status", "direction", "end_reason", "error", "started_at", "ended_at",
    "duration_seconds", "summary", "analysis_result", "messages", "room_name", "recording_url", "agent_id", "number_id",
    "agent_name", "business_name", "phone_number", "created_at", "updated_at", "assistant_id", "assistant_name",
    "metadata", "cost", "latency", "notification",
}  # fmt: skip
LLM = {"provider": "local", "model": "intents"}
FOREIGN_TOOL = LLM | {"tools": [{"type": "template", "template_id": ORG}]}
SPEECH = {name: default_configs("local")[name] for name in ("stt_config", "tts_config")}


@dataclass
class Node:
    """Stands in for gateway and media node; `claims` has it take a call before it answers."""

    calls: CallStore
    answer: NodeAnswer = field(default_factory=lambda: NodeAnswer(ok=True))
    claims: bool = False
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def dial(self, org_id: str, call_id: str) -> NodeAnswer:
        self.asked.append(("dial", org_id, call_id))
        if self.claims:
            ref = self.calls.rows.find(org_id, call_id)
            assert ref is not None
            self.calls.lifecycle.claim_dial(ref, "node-1")
        return self.answer

    def control(self, node_id: str, org_id: str, call_id: str, command: Any) -> NodeAnswer:
        self.asked.append((node_id, org_id, call_id, command))
        return self.answer


@dataclass
class World:
    table: CountingTable
    calls: CallStore
    node: Node
    organization: NewOrganization
    client: TestClient
    assistant_id: str
    number_id: str

    @property
    def org_id(self) -> str:
        return self.organization.organization.id

    def dial(self, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Any:
        body = {"destination": CALLER, "assistant_id": self.assistant_id} | body
        answer = self.client.post(
            "/api/v1/calls/outbound", json={k: v for k, v in body.items() if v is not None}, headers=headers
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    def call_of(self, told: dict[str, Any]) -> Any:
        return self.client.get(f"/api/v1/calls/{told['call_id']}").json()

    def running(self) -> CallRef:
        ref = self.calls.starts.create(new_call(org_id=self.org_id, ringing=True), node_id="node-7").ref
        self.calls.lifecycle.mark_answered(ref)
        return ref

    def control(self, call_id: str, command: Any) -> Any:
        return self.client.post(f"/api/v1/calls/{call_id}/control", json=command)

    def set_trunk(self, **changes: Any) -> None:
        trunks = TrunkStore(self.table, default_cipher())
        (trunk,) = trunks.list(self.org_id)
        trunks.update(self.org_id, trunk.id, changes)

    def set_organization(self, **changes: Any) -> None:
        self.table.update(Update(organization_ref(self.org_id), set=changes))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("SIGNING_SECRET_ID", "signing")
    monkeypatch.setenv("DEFAULT_PROVIDERS", "local")
    monkeypatch.delenv("EGRESS_ALLOWED_CIDRS", raising=False)
    with moto_table(monkeypatch) as table:
        aws.client("secretsmanager").create_secret(Name="signing", SecretString="0" * 64)
        monkeypatch.setenv("KMS_KEY_ID", aws.client("kms").create_key()["KeyMetadata"]["KeyId"])
        settings.read_environment.cache_clear()
        default_cipher.cache_clear()
        secrets.forget_secrets()
        yield _furnished(table)
    default_cipher.cache_clear()
    secrets.forget_secrets()


def _furnished(table: CountingTable) -> World:
    made = OrganizationStore(table).create("Riverside", billing_mode="unlimited")
    org_id, cipher = made.organization.id, default_cipher()
    trunk = TrunkStore(table, cipher).create(
        org_id, TrunkSettings(name="t", provider="p", address="sip.carrier.example:5060"), None
    )
    numbers = NumberStore(table)
    number, _ = numbers.create(org_id, NumberSettings(phone_number=OWN, transfer_trunk_id=trunk.id))
    numbers.verify(org_id, number.id)
    assistant = AssistantStore(table, cipher).create(
        org_id, AssistantSettings(name="Reception", business_name="Dental", metadata={"a": 1})
    )
    calls = CallStore(table)
    node = Node(calls)
    app = create_app(router, usage_router)
    app.state.frame.__dict__["table"] = table
    app.dependency_overrides[node_client] = lambda: node
    client = TestClient(app, headers={"Authorization": f"Bearer {made.secret}"}, raise_server_exceptions=False)
    return World(table, calls, node, made, client, assistant.assistant.id, number.id)


def test_dial_commits_the_call_then_asks_a_node(world: World) -> None:
    told = world.dial(metadata={"crm": 7}, first_message="Hi there")
    assert told == {"success": True, "call_id": told["call_id"], "status": "dialing"}
    assert world.node.asked == [("dial", world.org_id, told["call_id"])]
    call = world.call_of(told)
    assert call.keys() == CALL_MEMBERS
    assert (call["status"], call["direction"], call["metadata"]) == ("connecting", "outbound", {"crm": 7})
    assert (call["caller_phone"], call["assistant_phone"], call["phone_number"]) == (CALLER, OWN, OWN)
    assert call["agent_id"] == call["assistant_id"] == world.assistant_id
    assert (call["agent_name"], call["business_name"], call["number_id"]) == ("Reception", "Dental", world.number_id)
    assert (call["started_at"], call["messages"], call["duration_seconds"], call["cost"]) == (None, None, None, None)
    ref = world.calls.rows.find(world.org_id, told["call_id"])
    assert ref is not None
    assert world.calls.content.load_frozen_assistant(ref)["document"]["first_message"] == "Hi there"


def test_the_first_message_of_an_order_beats_the_one_for_all_outbound_calls(world: World) -> None:
    speech = {"first_message_outbound": "Always", "end_call_message": "Bye"}
    for order in ({"first_message": "This once"}, {}):
        told = world.dial(assistant_override={"speech_config": speech}, **order)
        ref = world.calls.rows.find(world.org_id, told["call_id"])
        assert ref is not None
        document = world.calls.content.load_frozen_assistant(ref)["document"]
        assert document["speech_config"]["end_call_message"] == "Bye"
        assert document["speech_config"]["first_message_outbound"] == (None if order else "Always")


def test_dial_costs_two_reads_and_one_write_also_the_first_time(world: World) -> None:
    world.client.get("/api/v1/calls")
    for _ in range(2):
        before = world.table.requests
        world.dial()
        assert world.table.requests - before <= 3 + 1  # and the count against the key's rate limit


def test_dial_with_tool_templates_costs_no_more_in_any_mode(world: World) -> None:
    templates, assistants = ToolTemplateStore(world.table), AssistantStore(world.table, default_cipher())
    ids = [templates.create(world.org_id, template(name)).id for name in ("saved", "own")]
    saved, own = (LLM | {"tools": [{"type": "template", "template_id": given}]} for given in ids)
    assistants.create(world.org_id, AssistantSettings.model_validate({"name": "Other", "llm_config": saved}))
    assistants.update(world.org_id, world.assistant_id, AssistantChanges.model_validate({"llm_config": saved}))
    whole = {name: default_configs()[name] for name in ("stt_config", "tts_config")} | {"llm_config": own}
    world.client.get("/api/v1/calls")
    modes: list[tuple[str, dict[str, Any]]] = [
        ("saved", {}),
        ("saved", {"assistant_override": {"first_message": "Hi"}}),
        ("own", {"assistant_override": {"llm_config": own}}),
        ("own", {"assistant_id": None, "assistant": whole}),
    ]
    for name, order in modes:
        before = world.table.requests
        told = world.dial(**order)
        assert world.table.requests - before <= 3 + 1, (name, order)  # and the count against the key's rate limit
        ref = world.calls.rows.find(world.org_id, told["call_id"])
        assert ref is not None
        document = world.calls.content.load_frozen_assistant(ref)["document"]
        assert [tool["name"] for tool in document["llm_config"]["tools"]] == [name]


def test_dial_reads_what_was_named_after_the_numbers_were_read(world: World) -> None:
    given = ToolTemplateStore(world.table).create(world.org_id, template("saved")).id
    llm = LLM | {"tools": [{"type": "template", "template_id": given}]}
    assistants = AssistantStore(world.table, default_cipher())
    assistants.update(world.org_id, world.assistant_id, AssistantChanges.model_validate({"llm_config": llm}))
    world.table.delete(Delete(needs_ref(world.org_id, world.assistant_id)))
    assert world.dial()["success"]


def template(name: str) -> dict[str, Any]:
    return {"name": name, "tool_type": "function", "tool_config": {"url": "https://example.com/tool"}}


def test_transient_and_hybrid_modes_run(world: World) -> None:
    defaults = default_configs()
    parts = {name: defaults[name] for name in ("llm_config", "stt_config", "tts_config")}
    transient = world.dial(assistant_id=None, assistant=parts | {"first_message": "Transient"})
    assert world.call_of(transient)["agent_id"] is None
    hybrid = world.dial(assistant_override={"first_message": "Override", "metadata": {"b": 2}})
    assert world.call_of(hybrid)["metadata"] == {"b": 2}


@pytest.mark.parametrize("letter", ["\u0416", '"', "\n", "\U0001f600"])
def test_an_assistant_as_large_as_it_may_be_is_called(world: World, letter: str) -> None:
    size = len(json.dumps(letter, ensure_ascii=False).encode()) - 2
    instructions = letter * (340 * 1024 // size)
    llm = LLM | {"messages": [{"role": "system", "content": instructions}]}
    assistants = AssistantStore(world.table, default_cipher())
    assistants.update(world.org_id, world.assistant_id, AssistantChanges.model_validate({"llm_config": llm}))
    ref = world.calls.rows.find(world.org_id, world.dial()["call_id"])
    assert ref is not None
    item = world.table.get(keys.frozen_assistant_ref(ref)) or {}
    assert 340 * 1024 < len(item["document"].encode()) < 360 * 1024
    frozen = world.calls.content.load_frozen_assistant(ref)
    thawed = EffectiveAssistant.thaw(frozen, default_cipher(), org_id=world.org_id, call_id=ref.call_id)
    assert thawed.llm.messages[0].content == instructions


def test_an_override_of_more_secrets_than_a_call_can_keep_is_too_large(world: World) -> None:
    tools = [{"name": f"t{n}", "description": "", "server": {"secret": "s"}} for n in range(2200)]
    refused = world.dial(413, assistant_override={"llm_config": LLM | {"tools": tools}})
    assert refused["code"] == "body_too_large"


def test_secrets_in_metadata_are_masked_in_the_row_and_the_answer(world: World) -> None:
    AssistantStore(world.table, default_cipher()).update(
        world.org_id,
        world.assistant_id,
        AssistantChanges(metadata={"secret": "0123456789abcdef", "pin": {"api_key": 1}}),
    )
    for own, shown in (
        (None, {"secret": "...cdef", "pin": {"api_key": "..."}}),
        ({"headers": {"X-Key": ["of this order"]}}, {"headers": {"X-Key": ["..."]}}),
    ):
        told = world.dial(metadata=own)
        ref = world.calls.rows.find(world.org_id, told["call_id"])
        assert ref is not None
        assert (world.calls.rows.get(ref).metadata, world.call_of(told)["metadata"]) == (shown, shown)


def test_secrets_in_metadata_of_rows_made_before_they_were_masked_stay_hidden(world: World) -> None:
    ref = world.running()
    world.table.update(Update(keys.row_ref(ref), set={"metadata": '{"secret": "of an earlier version"}'}))
    assert world.call_of({"call_id": ref.call_id})["metadata"] == {"secret": "...sion"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"destination": None}, "destination"),
        ({"destination": "06 12345678"}, "destination"),
        ({"destination": 31612345678}, "destination"),
        ({"assistant_id": None}, "assistant_id"),
        ({"assistant": {"llm_config": LLM}}, "assistant"),
        ({"assistant_id": None, "assistant": {}}, "llm_config"),
        ({"assistant_id": None, "assistant": {"llm_config": LLM}}, "stt_config"),
        ({"assistant_id": None, "assistant_override": {}}, "assistant"),
        ({"assistant_override": {"unknown": 1}}, "unknown"),
        ({"assistant_override": {"webhook_url": "http://127.0.0.1/x"}}, "webhook_url"),
        ({"assistant_override": {"llm_config": FOREIGN_TOOL}}, "assistant_override.llm_config.tools[0].template_id"),
        ({"assistant_id": None, "assistant": SPEECH | {"llm_config": FOREIGN_TOOL}}, "assistant.llm_config.tools[0]"),
        ({"metadata": {"x": "y" * 9000}}, "metadata"),
        ({"first_message": "x" * 1001}, "first_message"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_order_is_refused_naming_the_field(world: World, change: dict[str, Any], named: str) -> None:
    answer = world.dial(400, **change)
    assert any(named in detail for detail in answer["details"]), answer
    assert world.node.asked == []


def test_deprecated_spelling_is_accepted_and_a_difference_refused(world: World) -> None:
    assert world.dial(assistant_id=None, agent_id=world.assistant_id)["success"]
    world.dial(400, agent_id="99999999-9999-4999-8999-999999999999")


@pytest.mark.parametrize(
    ("destination", "code"), [("+319001234", "destination_not_allowed"), ("+14155552671", "destination_not_allowed")]
)
def test_destination_that_may_not_be_dialled_is_refused(world: World, destination: str, code: str) -> None:
    answer = world.dial(400, destination=destination)
    assert answer["code"] in (code, "invalid_request")
    assert destination not in str(answer)
    assert world.node.asked == []


def test_number_on_the_do_not_call_list_is_refused_at_no_further_cost(world: World) -> None:
    DoNotCallStore(world.table).add(world.org_id, Listing(phone_number=CALLER))
    world.dial(400, destination="+31687654321x")
    before = world.table.requests
    answer = world.dial(400)
    assert world.table.requests - before <= 2 + 1  # and the count against the key's rate limit
    assert (answer["code"], CALLER in str(answer), world.node.asked) == ("destination_not_allowed", False, [])


@pytest.mark.parametrize("member", ["assistant_id", "number_id"])
def test_unknown_id_is_not_found(world: World, member: str) -> None:
    for unknown in ("99999999-9999-4999-8999-999999999999", "not-an-id"):
        world.dial(404, **{member: unknown})


def test_number_that_is_not_outbound_capable_is_refused(world: World) -> None:
    numbers = NumberStore(world.table)
    pending, _ = numbers.create(world.org_id, NumberSettings(phone_number="+31850835038"))
    assert world.dial(400, number_id=pending.id)["code"] == "no_outbound_number"


def test_call_nobody_takes_ends_and_answers_503(world: World) -> None:
    world.node.answer = NodeAnswer(ok=False, code="no_capacity")
    answer = world.dial(503)
    assert answer["code"] == "no_capacity"
    call = world.call_of(answer)
    assert (call["status"], call["end_reason"], call["duration_seconds"]) == ("rejected", "no_capacity", 0)


def test_call_a_node_claimed_without_answering_is_being_dialled(world: World) -> None:
    world.node.answer, world.node.claims = NodeAnswer(ok=False, code="node_unreachable"), True
    assert world.call_of(world.dial())["status"] == "connecting"


def test_same_idempotency_key_never_rings_twice(world: World) -> None:
    headers = {"Idempotency-Key": "order-1"}
    first = world.dial(headers=headers)
    assert world.dial(headers=headers) == first
    assert len(world.node.asked) == 1
    world.dial(409, headers=headers, first_message="other")


def test_idempotency_key_is_free_again_after_no_capacity(world: World) -> None:
    headers = {"Idempotency-Key": "order-1"}
    world.node.answer = NodeAnswer(ok=False, code="no_capacity")
    world.dial(503, headers=headers)
    world.node.answer = NodeAnswer(ok=True)
    assert world.dial(headers=headers)["success"]


def test_metered_organization_without_minutes_gets_402_and_no_call(world: World) -> None:
    world.set_organization(billing_mode="metered", minutes_balance=1)
    assert world.dial(402)["code"] == "insufficient_credits"
    world.set_organization(minutes_balance=2)
    world.dial()
    assert world.client.get("/api/v1/calls").json()["pagination"]["total"] == 1
    world.dial(402)


def test_outbound_policy_limits_are_kept(world: World) -> None:
    world.set_organization(outbound_policy={"max_concurrent_calls": 1})
    world.dial()
    assert world.dial(429)["retry_after"] > 0
    world.set_organization(outbound_policy={"max_calls_per_minute": 1})
    world.dial(429)


def test_trunk_takes_so_many_calls_at_once_until_one_has_ended(world: World) -> None:
    world.set_trunk(max_concurrent_calls=1)
    told = world.dial()
    refusal = world.dial(429)
    assert (refusal["code"], refusal["retry_after"]) == ("outbound_limit_reached", 30)
    assert "SIP trunk" in refusal["message"]
    ref = world.calls.rows.find(world.org_id, told["call_id"])
    assert ref
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.DIAL_BUSY))
    world.dial()
    world.set_trunk(max_concurrent_calls=None)
    world.dial()


def test_trunk_takes_one_call_after_the_other(world: World) -> None:
    world.set_trunk(calls_per_second=0.1)
    world.dial()
    assert 0 < world.dial(429)["retry_after"] <= 10
    world.set_trunk(calls_per_second=None)
    world.dial()


def test_inactive_assistant_places_no_calls(world: World) -> None:
    made = AssistantStore(world.table, default_cipher()).create(
        world.org_id, AssistantSettings(name="Off", is_active=False)
    )
    assert world.dial(400, assistant_id=made.assistant.id)["code"] == "assistant_inactive"


def test_gdpr_call_shows_no_numbers_but_the_node_can_read_them(world: World) -> None:
    made = AssistantStore(world.table, default_cipher()).create(
        world.org_id, AssistantSettings(name="Private", gdpr_mode=True)
    )
    told = world.dial(assistant_id=made.assistant.id)
    call = world.call_of(told)
    assert (call["caller_phone"], call["assistant_phone"]) == (None, None)
    ref = world.calls.rows.find(world.org_id, told["call_id"])
    assert ref is not None
    assert CALLER not in repr(list(world.table.query(keys.own_key(world.org_id, told["call_id"]))))
    assert world.calls.content.load_whole(ref).caller_phone == CALLER


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ({"type": "say", "content": "Hello"}, {"type": "say", "content": "Hello", "end_after": False}),
        ({"type": "inject-context", "content": "x"},
         {"type": "inject-context", "content": "x", "trigger_response": False}),
        ({"type": "end-call"}, {"type": "end-call", "message": None}),
        ({"type": "transfer", "destination": CALLER}, {"type": "transfer", "destination": CALLER, "message": None}),
        ({"type": "transfer", "destination": "sip:a@b.example", "message": "Bye"},
         {"type": "transfer", "destination": "sip:a@b.example", "message": "Bye"}),
        ({"type": "send-dtmf", "digits": "12#"}, {"type": "send-dtmf", "digits": "12#"}),
    ],
)  # fmt: skip
def test_command_reaches_the_calls_node(world: World, command: Any, sent: Any) -> None:
    ref = world.running()
    answer = world.control(ref.call_id, command)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "Command sent successfully"})
    assert world.node.asked == [("node-7", world.org_id, ref.call_id, sent)]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ({}, "type"), ({"type": "dance"}, "type"), ({"type": ["say"]}, "type"), ({"type": "say"}, "content"),
        ({"type": "say", "content": ""}, "content"), ({"type": "say", "content": "x", "end_after": "yes"}, "end_after"),
        ({"type": "say", "content": "x", "loud": True}, "loud"),
        ({"type": "transfer", "destination": "112"}, "destination"),
        ({"type": "send-dtmf", "digits": "12x"}, "digits"), ({"type": "inject-context", "content": 5}, "content"),
    ],
)  # fmt: skip
def test_bad_command_is_refused_naming_the_field(world: World, command: Any, named: str) -> None:
    answer = world.control(world.running().call_id, command)
    assert answer.status_code == 400
    assert [detail.split(":")[0] for detail in answer.json()["details"]] == [named]
    assert world.node.asked == []


def test_control_of_a_call_that_is_not_running_is_refused(world: World) -> None:
    say = {"type": "say", "content": "x"}
    assert world.control("call-inbound-unknown00000", say).status_code == 404
    foreign = world.calls.starts.create(new_call(ringing=True), node_id="n").ref
    world.calls.lifecycle.mark_answered(foreign)
    assert world.control(foreign.call_id, say).status_code == 404
    ringing = world.calls.starts.create(new_call(org_id=world.org_id, ringing=True), node_id="n").ref
    assert world.control(ringing.call_id, say).json()["code"] == "call_not_in_progress"
    ended = world.running()
    world.calls.lifecycle.finish(ended, CallOutcome(end_reason=EndReason.USER_HANGUP))
    assert world.control(ended.call_id, say).status_code == 400


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (
            NodeAnswer(ok=False, code="unsupported_by_realtime_model", message="no"),
            400,
            "unsupported_by_realtime_model",
        ),
        (NodeAnswer(ok=False, code="destination_not_allowed"), 400, "destination_not_allowed"),
        (NodeAnswer(ok=False, code="node_unreachable"), 503, "unavailable"),
    ],
)
def test_what_the_node_says_reaches_the_client(world: World, answer: NodeAnswer, status: int, code: str) -> None:
    world.node.answer = answer
    told = world.control(world.running().call_id, {"type": "say", "content": "x"})
    assert (told.status_code, told.json()["code"]) == (status, code)


def test_eleventh_command_in_a_minute_is_refused_for_this_call_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = world.running(), world.running()
    standing = lambda table, call_id: limit_control_commands(table, call_id, FakeClock())  # noqa: E731
    monkeypatch.setattr(control, "limit_control_commands", standing)
    statuses = [world.control(first.call_id, {"type": "end-call"}).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert world.control(second.call_id, {"type": "end-call"}).status_code == 200


def test_list_filters_and_pages(world: World) -> None:
    ref = world.running()
    world.calls.content.append_messages(ref, 0, [Message("user", "Hello")])
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
    world.running()
    whole = world.client.get("/api/v1/calls").json()
    assert whole["pagination"] == {"total": 2, "limit": 100, "offset": 0}
    assert [call["status"] for call in whole["calls"]] == ["in-progress", "ended"]
    for query in ("status=ended", "limit=1&offset=1", "status=ended&direction=inbound&agent_id=agent-1"):
        found = world.client.get(f"/api/v1/calls?{query}").json()["calls"]
        assert [call["id"] for call in found] == [ref.call_id]
    assert whole["calls"][1]["messages"] == [{"role": "user", "content": "Hello"}]
    assert world.client.get("/api/v1/calls?end_date=2020-01-01").json()["pagination"]["total"] == 0
    assert world.client.get("/api/v1/calls?start_date=2020-01-01T00:00:00Z").json()["pagination"]["total"] == 2


@pytest.mark.parametrize("path", ["calls", "usage"])
@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "start_date=soon", "end_date=2026-99-01"])
def test_bad_parameter_is_named(world: World, path: str, query: str) -> None:
    answer = world.client.get(f"/api/v1/{path}?{query}")
    assert answer.status_code == 400
    assert [detail.split(":")[0] for detail in answer.json()["details"]] == [query.split("=", maxsplit=1)[0]]


@pytest.mark.parametrize("query", ["status=gone", "direction=up", "agent_id=", "assistant_id="])
def test_bad_filter_is_named(world: World, query: str) -> None:
    answer = world.client.get(f"/api/v1/calls?{query}")
    assert (answer.status_code, answer.json()["details"][0].split(":")[0]) == (400, query.split("=", maxsplit=1)[0])


def test_calls_of_an_assistant_are_found_by_its_id_in_upper_case(world: World) -> None:
    world.dial()
    for name in ("agent_id", "assistant_id"):
        found = world.client.get(f"/api/v1/calls?{name}={world.assistant_id.upper()}").json()
        assert found["pagination"]["total"] == 1


def test_filter_in_both_spellings_is_one_or_refused(world: World) -> None:
    world.dial()
    same = world.client.get(f"/api/v1/calls?agent_id={world.assistant_id}&assistant_id={world.assistant_id}")
    assert same.json()["pagination"]["total"] == 1
    differing = world.client.get(f"/api/v1/calls?agent_id={world.assistant_id}&assistant_id=other")
    assert differing.status_code == 400
    assert "assistant_id and agent_id" in differing.json()["details"][0]


def test_foreign_call_is_not_found(world: World) -> None:
    foreign = world.calls.starts.create(new_call()).ref
    assert world.client.get(f"/api/v1/calls/{foreign.call_id}").status_code == 404
    assert world.client.get("/api/v1/calls/call-inbound-unknown00000").status_code == 404


def test_usage_shows_logs_and_the_sum_of_the_whole_filter(world: World) -> None:
    for _ in range(3):
        world.calls.lifecycle.finish(world.running(), CallOutcome(end_reason=EndReason.USER_HANGUP))
    body = world.client.get("/api/v1/usage?limit=1").json()
    assert body["pagination"] == {"total": 3, "limit": 1, "offset": 0}
    assert body["summary"].keys() == {"total_calls", "total_duration_seconds", "total_duration_minutes"}
    assert body["summary"]["total_calls"] == 3
    (log,) = body["logs"]
    assert log["call_type"] == "phone"
    assert (log["byok_stt"], log["byok_llm"], log["byok_tts"]) == (False, False, False)
