"""A realtime conversation: the opening, turns both ways, interruptions, endings."""

from typing import Any

import pytest

from media.audio.echo import EchoDetector
from media.conversation.settings import ConversationSettings, Silence
from media.telephony.leg import LegClosed, LegClosedBy, LegDigit
from sovereign.calls.model import EndReason
from sovereign.catalog.prices import Price
from tests.scenarios.conversation.world import noise, says
from tests.scenarios.realtime.world import RealtimeWorld, Reply, play

LONG = "This is a rather long answer that goes on and on so that anybody can interrupt it in the middle."
SILENCE = Silence(messages=["Are you there?"], first_check_seconds=3, interval_seconds=5, max_attempts=2)


def test_first_message_is_spoken_then_the_caller_is_answered() -> None:
    settings = ConversationSettings(first_message="Hello, this is Anna.")
    world = play(RealtimeWorld([says(3.0, "what time is it")], ["It is noon."], settings))
    assert world.asked == [("speak", "Hello, this is Anna.")]
    assert world.said() == [
        ("assistant", "Hello, this is Anna."),
        ("user", "what time is it"),
        ("assistant", "It is noon."),
    ]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.closed == len(world.model.sessions) == 1


def test_model_opens_without_a_first_message() -> None:
    world = play(
        RealtimeWorld(replies=["Good day, how can I help?"], settings=ConversationSettings(first_message=None))
    )
    assert world.asked == [("respond", "")]
    assert world.said() == [("assistant", "Good day, how can I help?")]


def test_empty_first_message_leaves_the_opening_to_the_caller() -> None:
    world = play(RealtimeWorld([says(2.0, "hello")], ["Hello yourself."]))
    assert world.asked == []
    assert world.said() == [("user", "hello"), ("assistant", "Hello yourself.")]


def test_disclosure_comes_first_and_cannot_be_interrupted() -> None:
    settings = ConversationSettings(disclosure="You speak with a machine that never sleeps.", first_message="Hello.")
    world = play(RealtimeWorld([says(0.8, "stop stop")], ["Yes?"], settings))
    assert world.asked[:2] == [("speak", "You speak with a machine that never sleeps."), ("speak", "Hello.")]
    assert world.said()[:2] == [
        ("assistant", "You speak with a machine that never sleeps."),
        ("assistant", "Hello."),
    ]
    assert not world.log.times("flush")
    assert world.fed_voice == 0.0


def test_consent_keeps_the_caller_from_the_model_until_it_is_given() -> None:
    settings = ConversationSettings(consent="This call is recorded. Press one to agree.", first_message="Hello.")
    heard: list[float] = []

    async def note(world: RealtimeWorld) -> None:
        heard.append(world.fed_voice)

    world = play(
        RealtimeWorld(
            [says(1.0, "am I heard"), says(8.0, "and now")],
            ["Now you are."],
            settings,
            events=[(4.0, LegDigit("1"))],
            acts=[(3.9, note)],
        )
    )
    assert heard == [0.0]
    assert ("user", "and now") in world.said()
    assert ("user", "am I heard") not in world.said()


def test_interruption_stops_playback_at_once_and_tells_the_model_what_was_heard() -> None:
    world = play(RealtimeWorld([says(1.0, "tell me"), says(4.0, "stop that please")], [LONG, "Sorry."]))
    silent = [at for at in world.log.times("agent silent") if at > 4.0]
    assert 4.0 < silent[0] < 4.45
    told = [int(text) for kind, text in world.asked if kind == "heard"]
    started = world.starts(LONG)
    assert len(told) == 1
    assert abs(told[0] - 1000 * (silent[0] - started)) < 60
    transcript = world.said()
    assert transcript[0] == ("user", "tell me")
    role, cut = transcript[1]
    assert role == "assistant"
    assert LONG.startswith(cut)
    assert 0 < len(cut) < len(LONG)
    assert transcript[2:] == [("user", "stop that please"), ("assistant", "Sorry.")]
    assert world.outcome.latency is not None
    assert world.outcome.latency["interruptions"] == 1


def test_cough_pauses_the_agent_who_goes_on_without_losing_a_word() -> None:
    world = play(RealtimeWorld([says(1.0, "tell me"), noise(4.0, 0.5)], [LONG]))
    assert ("assistant", LONG) in world.said()
    assert not [text for kind, text in world.asked if kind == "heard"]
    assert world.outcome.latency is not None
    assert (world.outcome.latency["interruptions"], world.outcome.latency["false_interruptions"]) == (1, 1)


def test_the_agents_own_voice_coming_back_pauses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EchoDetector, "is_echo", lambda _, start, end: start > 3.5)
    world = play(RealtimeWorld([says(1.0, "tell me"), noise(4.0, 1.5)], [LONG]))
    assert ("assistant", LONG) in world.said()
    assert not world.log.times("flush")
    assert world.outcome.latency is not None
    assert (world.outcome.latency["interruptions"], world.outcome.latency["echoes"]) == (0, 1)


def test_the_agents_last_words_coming_back_are_no_turn_that_waits_for_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = ConversationSettings(first_message="Hello.", silence=SILENCE)
    plain = play(RealtimeWorld(settings=settings, hangs_up_at=12.0))
    asked = plain.starts("Are you there?")
    monkeypatch.setattr(EchoDetector, "is_echo", lambda *_: True)
    world = play(RealtimeWorld([noise(plain.starts("Hello.") + 0.3, 1.5)], settings=settings, hangs_up_at=12.0))
    assert world.starts("Are you there?") < asked + 0.5


def test_transcript_that_comes_late_keeps_its_place() -> None:
    world = play(RealtimeWorld([says(1.0, "what time is it")], ["It is noon."], transcript_delay=1.5))
    assert world.said() == [("user", "what time is it"), ("assistant", "It is noon.")]


def test_silent_caller_is_asked_and_then_the_call_ends() -> None:
    settings = ConversationSettings(
        first_message="Hello.", silence=SILENCE.model_copy(update={"final_message": "Goodbye then."})
    )
    world = play(RealtimeWorld(settings=settings, hangs_up_at=60.0, replies=["Hello? Still there?"]))
    asked = [text for kind, text in world.asked if kind in {"speak", "inform"}]
    assert asked[0:2] == ["Hello.", "Are you there?"]
    assert "silent" in asked[2]
    assert asked[3] == "Goodbye then."
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT
    assert world.said()[-1] == ("assistant", "Goodbye then.")
    assert 3.0 < world.starts("Are you there?") - world.starts("Hello.") < 5.0


def test_speech_starts_the_silence_over() -> None:
    settings = ConversationSettings(first_message="Hello.", silence=SILENCE)
    world = play(RealtimeWorld([says(3.0, "one moment")], ["Of course."], settings, hangs_up_at=7.5))
    assert [text for kind, text in world.asked if kind == "speak"] == ["Hello."]


def test_max_duration_ends_the_call() -> None:
    world = play(RealtimeWorld([says(1.0, "tell me")], [LONG], max_duration=3.0))
    assert world.outcome.end_reason is EndReason.MAX_DURATION
    assert world.log.first("hang up") < 3.2


def test_hang_up_of_the_caller_ends_the_call_and_what_was_heard_is_kept() -> None:
    world = play(RealtimeWorld([says(1.0, "tell me")], [LONG], hangs_up_at=4.0))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    cut = world.said()[1][1]
    assert LONG.startswith(cut)
    assert 0 < len(cut) < len(LONG)


def test_lost_media_is_told_from_a_hang_up() -> None:
    world = play(RealtimeWorld(events=[(2.0, LegClosed(LegClosedBy.MEDIA_LOST))], hangs_up_at=9.0))
    assert world.outcome.end_reason is EndReason.MEDIA_LOST


def test_keys_reach_the_model_as_a_turn() -> None:
    pressed = [(2.0, LegDigit("4")), (2.3, LegDigit("2")), (2.5, LegDigit("#"))]
    world = play(RealtimeWorld(replies=["Forty-two, thank you."], events=pressed))
    assert world.asked == [("inform", "The caller pressed these keys of the telephone: 42")]
    assert world.said() == [("user", "[keypad] 42"), ("assistant", "Forty-two, thank you.")]


def test_end_call_phrase_of_the_model_ends_the_call_after_it_was_spoken() -> None:
    settings = ConversationSettings(end_call_phrases=["goodbye for now"])
    world = play(RealtimeWorld([says(1.0, "that is all")], ["Thank you and goodbye for now."], settings))
    assert world.outcome.end_reason is EndReason.ASSISTANT_HANGUP
    assert world.said()[-1] == ("assistant", "Thank you and goodbye for now.")


def test_turn_latency_runs_from_the_end_of_speech_to_the_first_packet() -> None:
    world = play(RealtimeWorld([says(1.0, "what time is it", 1.0)], [Reply("It is noon.", delay=0.5)]))
    assert world.outcome.latency is not None
    (turn,) = world.outcome.latency["turns"]
    # 200 ms until the model takes the turn for over, 500 ms until it speaks
    assert 650 <= turn["first_packet_ms"] <= 850
    assert turn["first_token_ms"] <= turn["first_audio_ms"] <= turn["first_packet_ms"]


def test_usage_has_a_price_only_where_one_is_known() -> None:
    unknown = play(RealtimeWorld([says(1.0, "hello")]))
    known = play(RealtimeWorld([says(1.0, "hello")], price=Price(source="s", as_of="2026-01", per_minute=0.6)))
    assert unknown.outcome.cost is None
    assert unknown.outcome.latency is not None
    used = unknown.outcome.latency["usage"]["llm"]
    assert used["audio_seconds"] > 10
    assert (used["input_tokens"], used["output_tokens"]) == (10, 5)
    assert known.outcome.cost == used["audio_seconds"] / 100


BY_TOKENS = Price(source="s", as_of="2026-01", input=1.0, output=2.0)


@pytest.mark.parametrize(
    ("price", "changes", "known"),
    [
        (BY_TOKENS, {"hangs_up_at": 9.0}, True),
        (BY_TOKENS, {"hangs_up_at": 3.0}, False),
        (BY_TOKENS, {"hangs_up_at": 9.0, "breaks": {1: 3.0}}, False),
        (Price(source="s", as_of="2026-01", per_minute=0.6), {"hangs_up_at": 3.0}, True),
    ],
)
def test_answer_whose_end_was_not_heard_leaves_the_cost_of_tokens_unknown(
    price: Price, changes: dict[str, Any], *, known: bool
) -> None:
    world = play(RealtimeWorld([says(1.0, "when are you open")], [LONG], price=price, **changes))
    assert world.said()[-1][0] == "assistant"
    assert (world.outcome.cost is not None) is known
