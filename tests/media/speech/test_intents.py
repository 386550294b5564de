"""The intent model on text, with the real sentence encoder and assistants of several trades."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from media.speech.interfaces import ChatFinished, ChatMessage, TextDelta, ToolCall, ToolSpec
from media.speech.local.dialogue import replies
from media.speech.local.intents import IntentModel
from media.speech.local.models import LocalModels
from tests.fakes.assistant import RIVERSIDE, RIVERSIDE_TOOLS, instructions_of

DENTIST = instructions_of(RIVERSIDE)
WEEKDAYS = "We are open Monday to Friday from 8:30 in the morning to 5:30 in the afternoon."
WHO = "I am the receptionist of Riverside Dental, a dental practice. I am an automated assistant."
END = ToolSpec("end_call", "End the call.")
HOTEL = """You are the front desk of Hotel Meridian. Keep it short.
Breakfast is served from 7:00 to 10:30 in the garden room.
A double room costs 120 euros a night. A single room costs 85 euros a night.
The swimming pool is on the fifth floor.
Pets are welcome for 15 euros a night.
Check-in starts at 3 pm and check-out is until 11 am."""
RESERVE = ToolSpec(
    "reserve_room",
    "Reserve a room for a guest.",
    {
        "type": "object",
        "properties": {
            "arrival_date": {"type": "string"},
            "nights": {"type": "integer"},
            "room_type": {"type": "string", "enum": ["single", "double"]},
            "email": {"type": "string"},
        },
        "required": ["arrival_date", "nights", "room_type"],
    },
)
TRANSFER = ToolSpec(
    "transfer_call",
    "Transfer the caller to a person or department. Destinations: 1: Sales department; 2: Technical support",
    {
        "type": "object",
        "properties": {"destination": {"type": "integer", "enum": [1, 2]}},
        "required": ["destination"],
    },
)


@dataclass
class Talk:
    """A conversation as the engine would keep it."""

    model: IntentModel
    instructions: str
    tools: list[ToolSpec]
    messages: list[ChatMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.messages.append(ChatMessage("system", self.instructions))

    async def say(self, turn: str) -> tuple[str, list[ToolCall]]:
        self.messages.append(ChatMessage("user", turn))
        return await self.answer()

    async def result(self, call: ToolCall, result: Any) -> str:
        self.messages.append(ChatMessage("tool", json.dumps(result), tool_call_id=call.id))
        return (await self.answer())[0]

    async def answer(self) -> tuple[str, list[ToolCall]]:
        events = [event async for event in self.model.stream(self.messages, self.tools)]
        assert isinstance(events[-1], ChatFinished)
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        calls = [event for event in events if isinstance(event, ToolCall)]
        self.messages.append(ChatMessage("assistant", text, tuple(calls)))
        return text, calls


@pytest.fixture
def model(models: LocalModels) -> IntentModel:
    return IntentModel(models)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Hello, what are your opening hours on Saturday?", "On Saturday we are open from 9 to 1."),
        ("Good morning, are you open on Saturday?", "On Saturday we are open from 9 to 1."),
        ("Are you open on Wednesday?", WEEKDAYS),
        ("Can I visit you on Sunday, are you open then?", "We are closed on Sunday."),
        ("How much does a check up cost?", "A check-up costs 45 euros."),
        ("How expensive is a checkup?", "A check-up costs 45 euros."),
        ("Could you tell me the price of a cleaning?", "A cleaning costs 60 euros."),
        ("What do I pay to get my teeth cleaned?", "A cleaning costs 60 euros."),
        ("What are your prices?", "A check-up costs 45 euros. A cleaning costs 60 euros."),
        ("Where are you located?", "Our practice is at 12 River Street, next to the library."),
        ("Do you have parking?", "You can park for free behind the building."),
    ],
)  # fmt: skip
async def test_dentist_answers_from_its_instructions(model: IntentModel, question: str, answer: str) -> None:
    assert await Talk(model, DENTIST, RIVERSIDE_TOOLS).say(question) == (answer, [])


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What time is breakfast?", "Breakfast is served from 7:00 to 10:30 in the garden room."),
        ("How much is a double room?", "A double room costs 120 euros a night."),
        ("Can I bring my dog, are pets allowed?", "Pets are welcome for 15 euros a night."),
        ("Where is the pool?", "The swimming pool is on the fifth floor."),
        ("When can I check in?", "Check-in starts at 3 pm and check-out is until 11 am."),
    ],
)
async def test_hotel_answers_from_its_instructions(model: IntentModel, question: str, answer: str) -> None:
    assert await Talk(model, HOTEL, [RESERVE, END]).say(question) == (answer, [])


@pytest.mark.parametrize(
    "question",
    [
        "How much is a root canal?",
        "Do you sell toothbrushes?",
        "What's the weather like?",
        "Do you take insurance?",
        "Who won the football match?",
    ],
)
async def test_what_is_not_in_the_instructions_is_said_to_be_unknown(model: IntentModel, question: str) -> None:
    text, calls = await Talk(model, DENTIST, RIVERSIDE_TOOLS).say(question)
    assert text.startswith("I am sorry, I do not have an answer to that. I can tell you about opening hours")
    assert not calls


async def test_a_tool_is_called_once_everything_it_needs_is_known(model: IntentModel) -> None:
    talk = Talk(model, DENTIST, RIVERSIDE_TOOLS)
    assert await talk.say("I would like to book an appointment.") == ("Which day would you like?", [])
    assert (await talk.say("Next Tuesday."))[0] == "At what time would you like that?"
    assert (await talk.say("How much is a cleaning?"))[0] == (
        "A cleaning costs 60 euros. At what time would you like that?"
    )
    assert (await talk.say("Uh, you know."))[0] == "I am sorry, I did not get that. At what time would you like that?"
    assert (await talk.say("Half past three."))[0] == "May I have your name, please?"
    text, calls = await talk.say("Peter Johnson.")
    assert text == "One moment, please."
    assert [(c.name, dict(c.arguments)) for c in calls] == [
        ("book_appointment", {"day": "next Tuesday", "time": "3:30", "name": "Peter Johnson"})
    ]
    said = await talk.result(calls[0], {"message": "You are booked."})
    assert said == f"You are booked. {replies.ANYTHING_ELSE}"
    text, calls = await talk.say("No.")
    assert text == replies.FAREWELL
    assert [call.name for call in calls] == ["end_call"]


async def test_what_was_said_earlier_is_not_asked_again(model: IntentModel) -> None:
    talk = Talk(model, DENTIST, RIVERSIDE_TOOLS)
    await talk.say("Hi, this is Anna Bell.")
    text, calls = await talk.say("Can I come in tomorrow at nine o'clock?")
    assert text == "One moment, please."
    assert dict(calls[0].arguments) == {"day": "tomorrow", "time": "9:00", "name": "Anna Bell"}


async def test_a_question_in_the_same_breath_is_answered_on_the_way(model: IntentModel) -> None:
    text, _ = await Talk(model, DENTIST, RIVERSIDE_TOOLS).say(
        "I want to make an appointment for Monday and how much is a cleaning?"
    )
    assert text == "A cleaning costs 60 euros. At what time would you like that?"


@pytest.mark.parametrize("turn", ["Never mind.", "No."])
async def test_a_caller_may_change_their_mind(model: IntentModel, turn: str) -> None:
    talk = Talk(model, DENTIST, RIVERSIDE_TOOLS)
    await talk.say("I'd like to make an appointment.")
    text, calls = await talk.say(turn)
    assert text == f"{replies.DROPPED} {replies.ANYTHING_ELSE}"
    assert not calls
    assert (await talk.say("How much is a cleaning?"))[0] == "A cleaning costs 60 euros."


async def test_numbers_and_choices_are_collected_for_another_trade(model: IntentModel) -> None:
    talk = Talk(model, HOTEL, [RESERVE, END])
    assert (await talk.say("I would like to reserve a double room."))[0] == "Which day would you like?"
    assert (await talk.say("The fifth, sorry, December 5th."))[0] == "Could you tell me the nights?"
    _, calls = await talk.say("Three.")
    assert dict(calls[0].arguments) == {"room_type": "double", "arrival_date": "December 5", "nights": 3}


async def test_a_failed_tool_is_said_to_have_failed_without_its_words(model: IntentModel) -> None:
    talk = Talk(model, DENTIST, RIVERSIDE_TOOLS)
    _, calls = await talk.say("This is Anna Bell, I want to book an appointment tomorrow at ten.")
    said = await talk.result(calls[0], {"error": "stack trace"})
    assert said == f"I am sorry, that did not work. {replies.ANYTHING_ELSE}"


@pytest.mark.parametrize("turn", ["No, thank you. that is all. good-bye.", "Okay, thanks a lot. Bye bye."])
async def test_goodbye_ends_the_call_where_that_is_offered(model: IntentModel, turn: str) -> None:
    text, calls = await Talk(model, DENTIST, [END]).say(turn)
    assert text == replies.FAREWELL
    assert [(call.name, dict(call.arguments)) for call in calls] == [("end_call", {})]
    assert (await Talk(model, DENTIST, []).say(turn))[1] == []


async def test_a_person_is_connected_only_where_that_is_offered(model: IntentModel) -> None:
    turn = "I would like to speak to a person, please."
    text, calls = await Talk(model, DENTIST, [TRANSFER]).say(turn)
    assert text == replies.TRANSFERRING
    assert [(call.name, dict(call.arguments)) for call in calls] == [("transfer_call", {"destination": 1})]
    _, calls = await Talk(model, DENTIST, [TRANSFER]).say("Can you connect me with someone from support?")
    assert dict(calls[0].arguments) == {"destination": 2}
    text, calls = await Talk(model, DENTIST, RIVERSIDE_TOOLS).say(turn)
    assert "cannot connect you to a person" in text
    assert not calls


async def test_who_does_not_want_calls_is_left_in_peace(model: IntentModel) -> None:
    text, calls = await Talk(model, DENTIST, RIVERSIDE_TOOLS).say("Please stop calling me.")
    assert text == replies.OPTED_OUT
    assert [call.name for call in calls] == ["end_call"]


@pytest.mark.parametrize(
    ("turn", "answer"),
    [
        ("Hello?", replies.GREETING),
        ("Thank you.", f"{replies.WELCOME} {replies.ANYTHING_ELSE}"),
        ("Wait, sorry, one more question.", replies.GO_AHEAD),
        ("Are you a robot?", WHO),
        ("", "How can I help you?"),
    ],
)  # fmt: skip
async def test_small_talk_has_its_answers(model: IntentModel, turn: str, answer: str) -> None:
    assert (await Talk(model, DENTIST, RIVERSIDE_TOOLS).say(turn))[0] == answer


async def test_the_last_answer_is_repeated_on_request(model: IntentModel) -> None:
    talk = Talk(model, DENTIST, RIVERSIDE_TOOLS)
    answer, _ = await talk.say("How much is a cleaning?")
    assert (await talk.say("Could you repeat that?"))[0] == answer


async def test_the_model_opens_and_asks_again_when_nothing_was_said(model: IntentModel) -> None:
    talk = Talk(model, DENTIST, RIVERSIDE_TOOLS)
    assert (await talk.answer())[0] == replies.GREETING
    assert (await talk.answer())[0] == replies.STILL_THERE


async def test_an_assistant_without_instructions_or_tools_is_honest(models: LocalModels) -> None:
    model = IntentModel(models)
    events = [event async for event in model.stream([ChatMessage("user", "What are your hours?")], [])]
    assert events[0] == TextDelta("I am sorry, I do not have an answer to that.")


async def test_prepared_sentences_are_not_embedded_again(models: LocalModels, monkeypatch: pytest.MonkeyPatch) -> None:
    model = IntentModel(models)
    await model.prepare([DENTIST], RIVERSIDE_TOOLS)
    embedded = list[str]()
    original = models.encoder._embed

    def note(sentence: str) -> Any:
        embedded.append(sentence)
        return original(sentence)

    monkeypatch.setattr(models.encoder, "_embed", note)
    await Talk(model, DENTIST, RIVERSIDE_TOOLS).say("Is the building wheelchair friendly, by the way?")
    assert len(embedded) == 1
