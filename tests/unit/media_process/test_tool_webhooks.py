"""Where a call's webhook tools are sent, and what signs them."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from media.running_call import Conversation, Identity
from media.session_factory import ToolWebhooks
from media.speech.interfaces import ToolCall
from sovereign.calls.model import CallRef
from sovereign.catalog.tools import WebhookTool
from sovereign.kernel.clock import utc_now
from sovereign.kernel.signing import SigningSecret
from sovereign.webhooks.answers import ToolAnswer
from sovereign.webhooks.bodies import CallDescription, ToolCallRequest
from sovereign.webhooks.targets import WebhookSettings, WebhookTarget
from tests.unit.media_process.scripted import assistant

ACCOUNT = WebhookSettings("https://account.example.com/hook", SigningSecret("account-secret"))
OWN = {"webhook_url": "https://own.example.com/hook", "webhook_secret": "own-secret"}
CALL = ToolCall("c1", "book", {"people": 2})


class Asker:
    def __init__(self) -> None:
        self.asked: list[tuple[WebhookTarget, CallDescription, ToolCallRequest]] = []
        self.started: list[WebhookTarget] = []

    async def tool_call(self, target: WebhookTarget, call: CallDescription, request: ToolCallRequest) -> ToolAnswer:
        self.asked.append((target, call, request))
        return ToolAnswer(result={"table": 7})

    def start_tool_call(self, target: WebhookTarget, call: CallDescription, request: ToolCallRequest) -> None:
        self.started.append(target)


def tools_of(asker: Asker, account: WebhookSettings | None = ACCOUNT, **members: Any) -> ToolWebhooks:
    conversation = Conversation(
        ref=CallRef("org", "call", 1),
        identity=Identity(direction="inbound", number="+31850835037"),
        assistant=assistant(**members),
        account_webhook=account,
    )
    return ToolWebhooks(cast(Any, asker), conversation)


def tool(**members: Any) -> WebhookTool:
    return WebhookTool.model_validate({"name": "book", "description": "Books.", **members})


SERVER = {"url": "https://server.example.com/tool", "secret": "tool-secret"}


@pytest.mark.parametrize(
    ("members", "given", "url", "secret"),
    [
        ({"url": "https://tool.example.com/x", "server": SERVER}, OWN, "https://tool.example.com/x", "tool-secret"),
        ({"server": SERVER}, OWN, "https://server.example.com/tool", "tool-secret"),
        ({"url": "https://tool.example.com/x"}, OWN, "https://tool.example.com/x", None),
        ({}, OWN, "https://own.example.com/hook", "own-secret"),
        ({}, {}, "https://account.example.com/hook", "account-secret"),
    ],
)
async def test_the_most_specific_address_gets_the_call_signed_with_its_own_secret(
    members: Mapping[str, Any], given: Mapping[str, Any], url: str, secret: str | None
) -> None:
    asker = Asker()
    answered = await tools_of(asker, **given).tool_call(tool(**members), CALL)
    ((target, call, request),) = asker.asked
    assert answered == '{"table": 7}'
    assert target.url == url
    assert (list(target.secret.active(utc_now())) if target.secret else None) == ([secret] if secret else None)
    assert (call.call_id, call.status, request.id, request.arguments) == ("call", "in-progress", "c1", {"people": 2})
    assert "secret" not in str(call.assistant)


async def test_a_level_that_takes_no_tool_calls_is_told_to_the_model() -> None:
    asker = Asker()
    unwanted = OWN | {"webhook_events": ["status-update"]}
    told = await tools_of(asker, **unwanted).tool_call(tool(), CALL)
    assert "no webhook" in told
    assert asker.asked == []


async def test_a_tool_without_any_webhook_is_told_to_the_model() -> None:
    asker = Asker()
    assert "no webhook" in await tools_of(asker, None).tool_call(tool(), CALL)


async def test_an_async_tool_goes_to_the_same_places() -> None:
    asker = Asker()
    assert tools_of(asker, **OWN).start_tool_call(tool(**{"async": True}), CALL)
    assert not tools_of(asker, None).start_tool_call(tool(**{"async": True}), CALL)
    assert [target.url for target in asker.started] == ["https://own.example.com/hook"]
