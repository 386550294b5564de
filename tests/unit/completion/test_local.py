import json
from typing import Any

import pytest

from sovereign.completion.interface import CompletionError, Prompt
from sovereign.completion.local import LocalCompletion

TRANSCRIPT = """assistant: Hello, Riverside Dental, how can I help you?
user: Hello, what are your opening hours on Saturday?
assistant: On Saturday we are open from nine to one. Anything else?
user: I would like to book an appointment for next Tuesday at three thirty.
assistant: What is your name?
user: My name is Peter Johnson.
tool: {"status": "booked"}
assistant: Your appointment is booked for next Tuesday at three thirty.
user: No, thank you, that is all. Goodbye."""


def fill(schema: dict[str, Any], transcript: str = TRANSCRIPT) -> Any:
    answer = LocalCompletion().complete([Prompt("user", f"Transcript:\n{transcript}")], json_schema=schema)
    return json.loads(answer.text)


def members(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_the_summary_says_who_asked_what_and_how_it_was_answered() -> None:
    summary = LocalCompletion().complete([Prompt("user", TRANSCRIPT)]).text
    assert "what are your opening hours on Saturday?" in summary
    assert "On Saturday we are open from nine to one." in summary
    assert "book an appointment" in summary
    assert "Peter Johnson" in summary


def test_the_seeded_schema_is_filled() -> None:
    text, boolean = {"type": "string"}, {"type": "boolean"}
    filled = fill(
        members(
            intent={"type": "string", "enum": ["opening_hours", "price", "complaint", "other"]},
            appointment_booked=boolean,
            customer_name=text,
            appointment_day=text,
            appointment_time=text,
            sentiment={"type": "string", "enum": ["positive", "neutral", "negative"]},
            email=text,
        )
    )
    assert filled == {
        "intent": "opening_hours",
        "appointment_booked": True,
        "customer_name": "Peter Johnson",
        "appointment_day": "next Tuesday",
        "appointment_time": "three thirty",
        "sentiment": "positive",
    }


@pytest.mark.parametrize(
    "last",
    [
        "assistant: Shall I have that booked for you?",
        "assistant: I am sorry, that could not be booked.",
        "assistant: We are fully booked on Tuesday.",
        "user: I thought it was booked.",
    ],
)
def test_what_was_only_asked_refused_or_claimed_was_not_done(last: str) -> None:
    transcript = f"user: I would like to book an appointment.\n{last}"
    assert fill(members(appointment_booked={"type": "boolean"}), transcript) == {"appointment_booked": False}


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("I would like to book an appointment.", True),
        ("Can I make an appointment for Monday?", True),
        ("I don't need an appointment.", False),
        ("What are your opening hours?", False),
    ],
)
def test_what_the_caller_wanted_is_found_in_their_own_words(said: str, wanted: bool) -> None:
    transcript = f"assistant: Would you like an appointment?\nuser: {said}"
    assert fill(members(appointment_requested={"type": "boolean"}), transcript) == {"appointment_requested": wanted}


def test_what_was_not_said_is_left_out_null_or_refused_but_never_invented() -> None:
    schema = members(email={"type": "string"}, phone={"type": ["string", "null"]})
    assert fill(schema) == {"phone": None}
    with pytest.raises(CompletionError, match=r"nothing that was said fills \$.email"):
        fill(schema | {"required": ["email"]})


def test_nested_objects_lists_references_and_alternatives() -> None:
    schema = members(
        contact={"$ref": "#/$defs/contact"},
        topics={"type": "array", "items": {"enum": ["appointment", "opening hours", "refund"]}},
        questions={"type": "array", "items": {"type": "string"}},
        when={"anyOf": [{"type": "object", "properties": {"day": {"type": "string"}}}, {"type": "null"}]},
        version={"const": 2},
    ) | {"$defs": {"contact": members(name={"type": "string"})}}
    filled = fill(schema)
    assert filled["contact"] == {"name": "Peter Johnson"}
    assert filled["topics"] == ["appointment", "opening hours"]
    assert filled["questions"][0] == "Hello, what are your opening hours on Saturday?"
    assert (filled["when"], filled["version"]) == ({"day": "next Tuesday"}, 2)


def test_a_later_value_corrects_an_earlier_one() -> None:
    transcript = "user: Monday please.\nassistant: Monday it is.\nuser: Sorry, I meant Friday."
    assert fill(members(day={"type": "string"}), transcript) == {"day": "Friday"}


def test_the_same_transcript_gives_the_same_answer() -> None:
    schema = members(intent={"enum": ["price", "opening_hours"]})
    assert len({json.dumps(fill(schema)) for _ in range(5)}) == 1


@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"$ref": "#/none"}, {"anyOf": [True]}, {"type": "alien"}])
def test_a_schema_it_cannot_follow_is_refused_in_its_own_words(schema: dict[str, Any]) -> None:
    with pytest.raises(CompletionError):
        fill(schema)


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema: dict[str, Any] = {"$ref": "#/$defs/n", "$defs": {"n": members(n={"$ref": "#/$defs/n"})}}
    with pytest.raises(CompletionError, match="nested too deeply"):
        fill(schema)


def test_nobody_spoke() -> None:
    assert LocalCompletion().complete([Prompt("user", "assistant: Hello?")]).text == ""
