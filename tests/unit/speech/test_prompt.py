import json

import pytest

from media.speech.local.dialogue import replies
from media.speech.local.dialogue.offers import offers_of
from media.speech.local.dialogue.phrases import clauses, is_question, is_request, moments_in
from media.speech.local.dialogue.prompt import facts_of, identity_of
from media.speech.local.dialogue.text import sentences, subject
from sovereign.catalog.llm import LocalLlm
from sovereign.catalog.stt import LocalStt
from sovereign.catalog.tts import LocalTts
from tests.fakes.assistant import RIVERSIDE, RIVERSIDE_TOOLS, instructions_of


def test_facts_are_what_may_be_told_to_a_caller() -> None:
    assert [fact.text for fact in facts_of([instructions_of(RIVERSIDE)])] == [
        "We are open Monday to Friday from 8:30 in the morning to 5:30 in the afternoon.",
        "On Saturday we are open from 9 to 1.",
        "We are closed on Sunday.",
        "A check-up costs 45 euros.",
        "A cleaning costs 60 euros.",
        "Our practice is at 12 River Street, next to the library.",
        "You can park for free behind the building.",
    ]


@pytest.mark.parametrize(
    "instruction",
    [
        "You are a friendly assistant.",
        "Always be polite.",
        "Do not discuss politics.",
        "Keep your answers short.",
        "If the caller is angry, stay calm.",
        "When asked about insurance, say that a colleague calls back.",
        "The caller may be nervous.",
        "You can book appointments with the tool.",
        "Your name is Anna.",
        "What is your name?",
        "Prices:",
        "# Opening hours",
        "",
    ],
)
def test_instructions_are_no_facts(instruction: str) -> None:
    assert facts_of([instruction]) == ()


def test_a_list_is_read_with_its_heading_and_spoken_as_a_sentence() -> None:
    price, hours = facts_of(["## Prices\n- Large pizza: 12 euros\n\nWe open at 17:00 every day"])
    assert (price.text, price.topic, price.context) == (
        "Large pizza, 12 euros.",
        "Prices",
        "Prices: Large pizza: 12 euros",
    )
    assert (hours.text, hours.topic) == ("We open at 17:00 every day.", None)
    assert len(hours.weekdays) == 7


def test_identity_is_taken_from_the_instructions() -> None:
    assert identity_of([instructions_of(RIVERSIDE)]) == "the receptionist of Riverside Dental, a dental practice"
    assert identity_of(["Be kind."]) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello. How are you? Fine!", ["Hello.", "How are you?", "Fine!"]),
        ("Dr. Smith is in. He waits.", ["Dr. Smith is in.", "He waits."]),
        ("It is 9.30 now", ["It is 9.30 now"]),
        ("", []),
    ],
)
def test_sentences_are_split_at_their_ends(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_compounds_meet_whether_joined_or_not() -> None:
    assert subject("a check-up") & subject("a check up") & subject("a checkup")


@pytest.mark.parametrize(
    ("turn", "first"),
    [
        ("No, thank you. that is all. good-bye.", "goodbye"),
        ("Ok, thanks a lot. Bye bye.", "goodbye"),
        ("I would like to speak to a person, please.", "person"),
        ("Please stop calling me.", "opt_out"),
        ("Wait, sorry, one more question.", "wait"),
        ("Are you a robot?", "robot"),
        ("Could you say that again?", "repeat"),
        ("Mhm.", "listening"),
        ("Never mind.", "cancel"),
        ("Good morning!", "greeting"),
        ("Yes please", "yes"),
    ],
)
def test_moments_of_any_conversation_are_known(turn: str, first: str) -> None:
    assert moments_in(turn)[0] == first


def test_a_question_about_something_is_not_a_request_to_wait() -> None:
    assert "wait" not in moments_in("I have a question about the price")


def test_clauses_ask_for_one_thing_each() -> None:
    assert clauses("Hello, I want to book and how much is it? Thanks.") == ["I want to book", "how much is it?"]


@pytest.mark.parametrize(
    ("sentence", "question", "request_"),
    [
        ("Can I come in tomorrow?", True, True),
        ("I would like to book an appointment.", False, True),
        ("Could you tell me the price?", True, False),
        ("How much is it?", True, False),
        ("My tooth hurts.", False, False),
    ],
)
def test_questions_and_requests_are_told_apart(sentence: str, question: bool, request_: bool) -> None:
    assert (is_question(sentence), is_request(sentence)) == (question, request_)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"message": "You are booked for Tuesday"}', "You are booked for Tuesday."),
        ('{"ok": true}', "That is done: Tuesday, 3:30."),
        ("", "That is done: Tuesday, 3:30."),
        ('"Booked!"', "Booked!"),
        ("booked for tuesday", "Booked for tuesday."),
        ('{"status": "confirmed", "confirmation_code": "A1", "room": 4}', "Confirmation code A1, room 4."),
        ('{"slots": ["9:00", "10:00"]}', "Slots 9:00 and 10:00."),
        ('{"error": "secret internals"}', "I am sorry, that did not work."),
        ('{"success": false, "message": "no such thing"}', "I am sorry, that did not work."),
        ("error: timeout after 10 s", "I am sorry, that did not work."),
        ("true", "That is done: Tuesday, 3:30."),
        ("42", "42."),
    ],
)
def test_tool_results_are_said_in_words(content: str, said: str) -> None:
    outcome = replies.tool_outcome(content, {"day": "Tuesday", "time": "3:30"})
    assert outcome == f"{said} {replies.ANYTHING_ELSE}"


def test_abilities_name_topics_and_tools() -> None:
    facts = facts_of([instructions_of(RIVERSIDE)])
    said = replies.abilities(facts, offers_of(RIVERSIDE_TOOLS))
    assert said == "I can tell you about opening hours, prices and finding us or help you book an appointment."
    assert replies.abilities((), ()) == "How else can I help you?"


def test_demonstration_assistant_is_valid_for_the_catalogue() -> None:
    text = json.dumps(RIVERSIDE)
    assert "{webhook_sink_url}/tools/book_appointment" in text
    assert "{webhook_sink_url}/events" in text
    assert "webhook_secret" not in RIVERSIDE
    seeded = json.loads(text.replace("{webhook_sink_url}", "https://example.com"))
    LocalLlm.model_validate(seeded["llm_config"])
    LocalStt.model_validate(seeded["stt_config"])
    LocalTts.model_validate(seeded["tts_config"])
