"""The caller hangs up at every stage of a call: always a terminal status by the end-reason table, and one report."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import scenarios
from tests.e2e.listeners import Endpoint, running
from tests.e2e.phones import SEEDED_NUMBER, Phone, calling, talk
from tests.e2e.stage import RIVERSIDE, Json, Stage, Webhooks, check_ended

GREETED = 6.5
"""Seconds from the answer after which the assistant has greeted and waits."""


@dataclass(frozen=True)
class Case:
    """Where a caller hangs up and what must come of it."""

    scenario: Callable[[Path], str]
    status: str
    end_reasons: tuple[str, ...]
    number: str = SEEDED_NUMBER
    webhooks: Webhooks | None = None


@dataclass(frozen=True)
class Stages:
    """All cases, called at the same time."""

    cases: dict[str, Case]
    phones: dict[str, Phone]
    endpoint: Endpoint


def _with_hanging_tool(endpoint: Endpoint) -> Json:
    tool, end_call = RIVERSIDE["llm_config"]["tools"]
    return {**RIVERSIDE["llm_config"], "tools": [{**tool, "url": f"{endpoint.url}/hang"}, end_call]}


def _cases(stage: Stage, endpoint: Endpoint) -> dict[str, Case]:
    slow = stage.number(assistant=stage.assistant(webhook_url=f"{endpoint.url}/slow")["id"])["phone_number"]
    hanging = stage.assistant(llm_config=_with_hanging_tool(endpoint))
    tool = stage.number(assistant=hanging["id"])["phone_number"]
    by_caller = ("ended", ("user_hangup",))
    return {
        "ringing": Case(
            lambda _: scenarios.caller_cancels(800), "failed", ("caller_cancelled",), slow, endpoint.webhooks
        ),
        "greeting": Case(lambda f: talk(f, seconds=2.5, we_hang_up=True), *by_caller),
        "agent_speaks": Case(lambda f: talk(f, GREETED, "price_f", seconds=GREETED + 4.2, we_hang_up=True), *by_caller),
        "tool_call": Case(
            lambda f: talk(f, GREETED, "book_tuesday", 5.0, "name_johnson", seconds=21.5, we_hang_up=True),
            *by_caller,
            number=tool,
        ),
        "after_goodbye": Case(
            lambda f: talk(f, GREETED, "goodbye_f", seconds=GREETED + 5.0, we_hang_up=True),
            "ended",
            ("user_hangup", "assistant_hangup"),
        ),
    }


@pytest.fixture(scope="module")
def stages(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    endpoint, phones = Endpoint(), {}
    with ExitStack() as open_now:
        open_now.enter_context(running(endpoint))
        cases = _cases(stage, endpoint)
        for name, case in cases.items():
            folder = tmp_path_factory.mktemp(name)
            phones[name] = open_now.enter_context(calling(stage, case.scenario(folder), folder, service=case.number))
        yield Stages(cases, phones, endpoint)


@pytest.mark.parametrize("where", ["ringing", "greeting", "agent_speaks", "tool_call", "after_goodbye"])
def test_a_caller_who_hangs_up_leaves_a_terminal_call_with_one_report(stage: Stage, stages: Stages, where: str) -> None:
    case, phone = stages.cases[where], stages.phones[where]
    assert phone.process.wait(40) in ({0, 1} if where == "after_goodbye" else {0}), phone.process.messages()
    call = check_ended(stage, stage.call_of(phone.number)["id"], case.status, *case.end_reasons, webhooks=case.webhooks)
    said = [m["content"] for m in call["messages"] or () if m["role"] == "assistant"]
    if where == "ringing":
        assert call["started_at"] is None
        assert call["duration_seconds"] == 0
        assert stage.usage_of(call["id"]) is None
        assert said == []
        return
    assert stage.usage_of(call["id"])
    if where == "greeting":
        assert RIVERSIDE["first_message"] not in said, "the history must keep only what was played"
    if where == "agent_speaks":
        assert not any("60 euros" in text for text in said), "the history must keep only what was played"
        assert any(m["role"] == "user" for m in call["messages"])
    if where == "tool_call":
        [asked] = stages.endpoint.webhooks(call["id"], "tool-calls")
        [request] = asked["body"]["message"]["tool_call_list"]
        assert request["function"]["arguments"]["name"] == "Peter Johnson"
        assert not any("booked" in text for text in said)
