"""What every vendor's language model must do: one suite over all of them; then what is one vendor's own."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from media.speech.continuing import continued
from media.speech.interfaces import (
    ChatEvent,
    ChatFinished,
    ChatMessage,
    ChatModel,
    Progress,
    ProviderError,
    ProviderUsage,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from media.speech.priced import PricedModel
from sovereign.catalog.prices import price_of
from tests.fakes.openai import Answer, Chat, FakeOpenAI
from tests.fakes.server import GOOD_KEY
from tests.media.speech.vendors import CHATS, ChatVendor

BOOK = ToolSpec("book", "Book it", {"type": "object", "properties": {"day": {"type": "string"}}})
CALLED = ToolCall("c1", "book", {"day": "Tuesday"})
CONVERSATION = [
    ChatMessage("system", "Be kind."),
    ChatMessage("assistant", "Good morning."),
    ChatMessage("user", "Tuesday"),
    ChatMessage("assistant", "One moment.", (CALLED,)),
    ChatMessage("tool", '{"ok": true}', tool_call_id="c1"),
    ChatMessage("system", "The caller is silent."),
]


@pytest.fixture(params=CHATS, ids=str)
def vendor(request: pytest.FixtureRequest) -> ChatVendor:
    return CHATS[request.param]


async def events_of(model: ChatModel, messages: list[ChatMessage], *tools: ToolSpec) -> list[ChatEvent]:
    events = [event async for event in model.stream(messages, tools)]
    await model.close()
    return events


async def test_text_streams_and_figures_come_last(vendor: ChatVendor, question: list[ChatMessage]) -> None:
    async with vendor.fake(None) as server:
        events = await events_of(vendor.open(server.url, GOOD_KEY), question)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hello", ", how can", " I help you?"]
    assert events[-1] == ChatFinished(ProviderUsage(input_tokens=20, output_tokens=5))


async def test_an_answer_has_the_price_of_the_list(vendor: ChatVendor, question: list[ChatMessage]) -> None:
    price = price_of("llm", vendor.config["provider"], vendor.config["model"])
    assert price is not None
    assert price.input is not None
    assert price.output is not None
    async with vendor.fake(None) as server:
        events = await events_of(PricedModel(vendor.open(server.url, GOOD_KEY), price), question)
    assert isinstance(events[-1], ChatFinished)
    assert events[-1].usage.cost_usd == pytest.approx((20 * price.input + 5 * price.output) / 1_000_000)


@pytest.mark.parametrize("name", sorted(CHATS.keys() - {"mistral"}))  # whose protocol has no such end
async def test_an_answer_that_is_withheld_is_a_failure_but_for_what_was_said(
    name: str, question: list[ChatMessage]
) -> None:
    chat = Chat([Answer(filtered=True), Answer(text=["Well"], filtered=True)])
    async with CHATS[name].fake(None, chat=chat) as server:
        with pytest.raises(ProviderError, match="withheld") as raised:
            await events_of(CHATS[name].open(server.url, GOOD_KEY), question)
        assert raised.value.retryable
        events = await events_of(CHATS[name].open(server.url, GOOD_KEY), question)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Well"]


@pytest.mark.parametrize("name", sorted(CHATS.keys() - {"mistral"}))  # whose SDK knows of neither
async def test_cached_and_reasoning_tokens_are_counted(name: str, question: list[ChatMessage]) -> None:
    async with CHATS[name].fake(None, chat=Chat(cached=8, reasoning=7)) as server:
        events = await events_of(CHATS[name].open(server.url, GOOD_KEY), question)
    assert events[-1] == ChatFinished(ProviderUsage(input_tokens=20, output_tokens=12, cached_input_tokens=8))


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 5}, ProviderUsage(input_tokens=20, output_tokens=5)),
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": None, "prompt_tokens_details": 7},
         ProviderUsage(input_tokens=20, output_tokens=5)),
        ({"prompt_tokens": "many"}, ProviderUsage()),
        ({"total_tokens": 25}, ProviderUsage()),
        ([20, 5], ProviderUsage()),
    ],
)  # fmt: skip
async def test_figures_that_cannot_be_read_cost_no_answer(
    told: Any, counted: ProviderUsage, question: list[ChatMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who speaks OpenAI's protocol does not always tell all of them."""
    monkeypatch.setattr(FakeOpenAI, "figures", lambda _: told)
    async with FakeOpenAI() as server:
        events = await events_of(CHATS["openai"].open(server.url, GOOD_KEY), question)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Hello, how can I help you?"
    assert events[-1] == ChatFinished(counted)


async def test_tool_calls_come_whole(vendor: ChatVendor, question: list[ChatMessage]) -> None:
    calls = [("c1", "book", '{"day": "Tuesday", "time": "3:30"}'), ("c2", "end_call", "")]
    async with vendor.fake(None, chat=Chat([Answer(["One moment."], calls)])) as server:
        events = await events_of(vendor.open(server.url, GOOD_KEY), question, BOOK)
    assert [event for event in events[:-1] if not isinstance(event, Progress)] == [
        TextDelta("One moment."),
        ToolCall("c1", "book", {"day": "Tuesday", "time": "3:30"}),
        ToolCall("c2", "end_call", {}),
    ]


@pytest.mark.parametrize("name", ["openai", "xai"])  # from the others, calls come in one piece
async def test_a_tool_call_that_takes_long_to_write_is_no_silence(name: str, question: list[ChatMessage]) -> None:
    async with CHATS[name].fake(None, chat=Chat([Answer(tool_calls=[("c1", "book", '{"day": "Tuesday"}')])])) as server:
        events = await events_of(CHATS[name].open(server.url, GOOD_KEY), question, BOOK)
    assert events[:-2] == [Progress()] * (1 + 3)  # its name, its arguments


@pytest.mark.parametrize("name", sorted(CHATS.keys() - {"google"}))  # there, arguments are no text
async def test_tool_call_with_broken_json_is_a_failure(name: str, question: list[ChatMessage]) -> None:
    async with CHATS[name].fake(None, chat=Chat([Answer(tool_calls=[("c1", "book", '{"day": ')])])) as server:
        with pytest.raises(ProviderError, match="not valid JSON"):
            await events_of(CHATS[name].open(server.url, GOOD_KEY), question, BOOK)


@pytest.mark.parametrize(
    "messages",
    [
        CONVERSATION,
        [*CONVERSATION[:-1], ChatMessage("user", "And Wednesday?")],
        [*CONVERSATION, ChatMessage("user", "Hello?"), ChatMessage("assistant", "Yes?"), CONVERSATION[-1]],
        [*CONVERSATION[:2], CONVERSATION[-1], CONVERSATION[2]],
        continued(CONVERSATION[:3], "We are"),
        continued(CONVERSATION[:-1], "It is"),
        CONVERSATION[:1],
        CONVERSATION[:2],
    ],
    ids=[
        "note-after-tool", "caller-after-tool", "note-after-answer", "note-before-caller", "continued",
        "continued-after-tool", "nothing-said", "answer-last",
    ],
)  # fmt: skip
async def test_no_conversation_of_ours_is_refused(vendor: ChatVendor, messages: Sequence[ChatMessage]) -> None:
    async with vendor.fake(None) as server:
        events = await events_of(vendor.open(server.url, GOOD_KEY), list(messages), BOOK)
    assert isinstance(events[-1], ChatFinished)


@pytest.mark.parametrize("name", sorted(CHATS.keys() - {"google", "mistral"}))
async def test_request_carries_the_whole_conversation_and_its_tools(name: str) -> None:
    vendor = CHATS[name]
    async with vendor.fake(None) as server:
        await events_of(vendor.open(server.url, GOOD_KEY, temperature=0.2), CONVERSATION, BOOK)
    [sent] = server.requests
    calls = sent["messages"][3].pop("tool_calls")
    function = {"name": "book", "arguments": '{"day": "Tuesday"}'}
    assert [{"id": call["id"], "function": call["function"]} for call in calls] == [{"id": "c1", "function": function}]
    result = sent["messages"].pop(4)
    assert (result["content"], result["tool_call_id"], result["role"]) == ('{"ok": true}', "c1", "tool")
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "Be kind."),
        ("assistant", "Good morning."),
        ("user", "Tuesday"),
        ("assistant", "One moment."),
        ("system", "The caller is silent."),
    ]
    [tool] = sent["tools"]
    offered = {"name": "book", "description": "Book it", "parameters": dict(BOOK.parameters)}
    assert {name: tool["function"][name] for name in offered} == offered
    assert (sent["model"], sent["temperature"], sent["stream"]) == (vendor.config["model"], 0.2, True)


async def test_mistral_is_asked_in_its_own_order() -> None:
    vendor = CHATS["mistral"]
    async with vendor.fake(None) as server:
        await events_of(vendor.open(server.url, GOOD_KEY, temperature=0.2), CONVERSATION, BOOK)
    [sent] = server.requests
    [call] = sent["messages"][3].pop("tool_calls")
    assert call["function"] == {"name": "book", "arguments": '{"day": "Tuesday"}'}
    assert sent["messages"][4].pop("tool_call_id") == call["id"]
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "Be kind."),
        ("assistant", "Good morning."),
        ("user", "Tuesday"),
        ("assistant", "One moment."),
        ("tool", '{"ok": true}'),
        ("assistant", "Okay."),
        ("user", "[System note: The caller is silent.]"),
    ]
    [tool] = sent["tools"]
    assert (tool["function"]["name"], tool["function"]["parameters"]) == ("book", dict(BOOK.parameters))
    assert (sent["model"], sent["temperature"], sent["stream"]) == ("mistral-medium-latest", 0.2, True)


async def test_mistral_gets_the_id_of_its_tool_call_back(question: list[ChatMessage]) -> None:
    chat = Chat([Answer(tool_calls=[("Abc123xyZ", "book", "{}")]), Answer(["Done."])])
    async with CHATS["mistral"].fake(None, chat=chat) as server:
        model = CHATS["mistral"].open(server.url, GOOD_KEY)
        [call] = [event async for event in model.stream(question, [BOOK]) if isinstance(event, ToolCall)]
        result = ChatMessage("tool", "booked", tool_call_id=call.id)
        await events_of(model, [*question, ChatMessage("assistant", "", (call,)), result], BOOK)
    [_, _, asked, told] = server.requests[1]["messages"]
    assert (asked["tool_calls"][0]["id"], told["tool_call_id"]) == ("Abc123xyZ", "Abc123xyZ")


@pytest.mark.parametrize(
    ("name", "members", "sent"),
    [
        ("openai", {"max_completion_tokens": 64}, {"max_completion_tokens": 64, "reasoning_effort": "none"}),
        ("openai", {"model": "gpt-4.1"}, {}),
        ("xai", {}, {"reasoning_effort": "none"}),
        ("xai", {"model": "grok-4-1-fast-non-reasoning"}, {}),
        ("mistral", {}, {}),
    ],
)
async def test_what_is_a_vendors_own_is_sent(
    name: str, members: dict[str, Any], sent: dict[str, Any], question: list[ChatMessage]
) -> None:
    async with CHATS[name].fake(None) as server:
        await events_of(CHATS[name].open(server.url, GOOD_KEY, **members), question)
    own = {"max_completion_tokens", "max_tokens", "reasoning_effort", "tools"}
    assert {key: value for key, value in server.requests[0].items() if key in own} == sent


@pytest.mark.parametrize(
    ("name", "members", "sent"),
    [
        ("openai", {"temperature": 2}, 2),
        ("openai", {"model": "gpt-5"}, None),
        ("openai", {"model": "gpt-5-mini"}, None),
        ("openai", {"model": "gpt-5-nano"}, None),
        ("xai", {"temperature": 2}, 2),
        ("mistral", {"temperature": 1.2}, 1.2),
        ("mistral", {"temperature": 2}, 1.5),
    ],
)
async def test_no_temperature_is_refused(
    name: str, members: dict[str, Any], sent: float | None, question: list[ChatMessage]
) -> None:
    async with CHATS[name].fake(None) as server:
        await events_of(CHATS[name].open(server.url, GOOD_KEY, **members), question)
    assert server.requests[0].get("temperature") == sent


async def test_gemini_is_asked_in_its_own_words() -> None:
    async with CHATS["google"].fake(None) as server:
        model = CHATS["google"].open(server.url, GOOD_KEY, temperature=0.2, max_completion_tokens=64)
        await events_of(model, CONVERSATION, BOOK)
    [sent] = server.requests
    assert (sent["project"], sent["location"], sent["model"]) == ("demo-project", "europe-west4", "gemini-2.5-flash")
    assert sent["systemInstruction"]["parts"] == [{"text": "Be kind."}]
    signature = sent["contents"][3]["parts"][1].pop("thoughtSignature")
    assert signature == "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    assert sent["contents"] == [
        {"role": "user", "parts": [{"text": "(The call has been connected.)"}]},
        {"role": "model", "parts": [{"text": "Good morning."}]},
        {"role": "user", "parts": [{"text": "Tuesday"}]},
        {
            "role": "model",
            "parts": [{"text": "One moment."}, {"functionCall": {"name": "book", "args": {"day": "Tuesday"}}}],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "book", "response": {"ok": True}}},
                {"text": "[System note: The caller is silent.]"},
            ],
        },
    ]
    [declaration] = sent["tools"][0]["functionDeclarations"]
    schema = declaration.get("parametersJsonSchema") or declaration["parameters_json_schema"]  # the API takes both
    assert (declaration["name"], declaration["description"], schema) == ("book", "Book it", dict(BOOK.parameters))
    settings = sent["generationConfig"]
    assert (settings["temperature"], settings["maxOutputTokens"]) == (0.2, 64)
    assert list(settings["thinkingConfig"].values()) == [0]


async def test_gemini_3_thinks_as_little_as_it_can_and_lives_in_the_eu(question: list[ChatMessage]) -> None:
    async with CHATS["google"].fake(None) as server:
        await events_of(CHATS["google"].open(server.url, GOOD_KEY, model="gemini-3.5-flash"), question)
    assert server.requests[0]["location"] == "eu"
    assert "MINIMAL" in json.dumps(server.requests[0]["generationConfig"])


async def test_gemini_gets_the_signature_of_its_tool_call_back(question: list[ChatMessage]) -> None:
    chat = Chat([Answer(tool_calls=[("c1", "book", '{"day": "Tuesday"}')]), Answer(["Done."])])
    async with CHATS["google"].fake(None, chat=chat) as server:
        model = CHATS["google"].open(server.url, GOOD_KEY)
        [call] = [event async for event in model.stream(question, [BOOK]) if isinstance(event, ToolCall)]
        answered = [
            *question,
            ChatMessage("assistant", "", (call,)),
            ChatMessage("tool", "booked", tool_call_id=call.id),
        ]
        await events_of(model, answered, BOOK)
    part = server.requests[1]["contents"][1]["parts"][0]
    assert part["thoughtSignature"] == "c2lnbmF0dXJlIG9mIGMx"
    assert server.requests[1]["contents"][2]["parts"] == [
        {"functionResponse": {"name": "book", "response": {"output": "booked"}}}
    ]
