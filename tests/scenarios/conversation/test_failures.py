"""Whole calls in virtual time: providers that break, hang or answer nonsense."""

from typing import Any

import pytest

from media.conversation.settings import ConversationSettings
from media.telephony.leg import TransferOutcome
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import Turn, World, play, says

ASK = says(1.0, "what are your hours")
HOURS = "We are open from nine to five."
APOLOGY = "Sorry."


def world_with(**changes: Any) -> World:
    script: dict[str, Any] = {
        "timeline": [ASK],
        "answers": [HOURS],
        "settings": ConversationSettings(apology=APOLOGY),
        "hangs_up_at": 40.0,
    }
    return play(World(**(script | changes)))


def test_a_model_that_fails_once_is_asked_again_at_once() -> None:
    world = world_with(answers=[Turn("", fails_after=0), HOURS])
    assert world.said()[-1] == ("assistant", HOURS)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.error == "llm: connection lost"
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 1


def test_a_model_that_fails_twice_ends_with_an_apology_and_provider_error() -> None:
    world = world_with(answers=[Turn("", fails_after=0)])
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.said()[-1] == ("assistant", APOLOGY)
    assert world.outcome.error == "llm: connection lost"


def test_a_failure_that_cannot_be_retried_is_not() -> None:
    world = world_with(answers=[Turn("", fails_after=0, retryable=False)])
    assert len(world.model.requests) == 1
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR


def test_a_connection_dropped_in_mid_sentence_is_continued_after_the_last_word() -> None:
    world = world_with(answers=[Turn(HOURS, fails_after=4), "nine to five."])
    assert world.said()[-1] == ("assistant", "We are open from nine to five.")
    retry = world.model.requests[1]
    assert (retry[-2].role, retry[-2].content) == ("assistant", "We are open from")
    assert retry[-1].role == "system"


def test_a_model_that_hangs_is_given_up_in_time() -> None:
    world = world_with(answers=[Turn(HOURS, hangs=True)])
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.log.first("hang up") < 1.0 + 1.2 + 0.6 + 2 * 10.0 + 1.5


def test_an_empty_answer_is_asked_for_once_more() -> None:
    world = world_with(answers=[Turn(""), HOURS])
    assert world.said()[-1] == ("assistant", HOURS)


def test_two_empty_answers_leave_the_floor_to_the_caller() -> None:
    world = world_with(answers=[Turn(""), Turn(""), HOURS], timeline=[ASK, says(6.0, "hello are you there")])
    assert world.said()[-1] == ("assistant", HOURS)


def test_a_failing_speculation_that_is_discarded_costs_nothing() -> None:
    timeline = [says(1.0, "I want to come on Tuesday"), says(3.1, "no make that Wednesday")]
    world = world_with(answers=[Turn("", fails_after=0, first_token=0.01), HOURS], timeline=timeline)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.said()[-1] == ("assistant", HOURS)


def test_a_voice_that_fails_in_mid_sentence_goes_on_where_it_broke() -> None:
    def fails(text: str, attempt: int, at: float) -> bool:
        return text == HOURS and attempt == 1 and at >= 0.7

    world = world_with(tts_fails=fails)
    assert world.synthesiser.spoken == [HOURS, HOURS]
    spoken = world.log.times("agent silent")[-1] - world.starts(HOURS)
    assert spoken == pytest.approx(len(HOURS) * 0.05, abs=0.02)


def test_a_voice_that_fails_twice_ends_the_call_without_an_apology() -> None:
    world = world_with(tts_fails=lambda text, attempt, at: True)
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.outcome.error == "tts: connection lost"
    assert APOLOGY not in world.synthesiser.spoken


def test_a_recogniser_that_breaks_in_mid_speech_is_reopened_and_misses_nothing() -> None:
    world = world_with(stt_breaks=frozenset([1]))
    assert world.recogniser.opened == 2
    assert world.said() == [("user", "what are your hours"), ("assistant", HOURS)]


def test_a_recogniser_that_breaks_again_ends_with_an_apology() -> None:
    world = world_with(stt_breaks=frozenset([1, 2]))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.said()[-1] == ("assistant", APOLOGY)


def test_a_recogniser_that_cannot_be_opened_at_first_is_tried_again() -> None:
    world = world_with(stt_open_fails=frozenset([1]))
    assert world.said() == [("user", "what are your hours"), ("assistant", HOURS)]


def test_a_recogniser_that_cannot_be_opened_ends_with_an_apology() -> None:
    world = world_with(stt_open_fails=frozenset([1, 2]))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.said() == [("assistant", APOLOGY)]


def test_the_transcript_survives_a_table_that_is_away() -> None:
    world = world_with(table_fails=3)
    assert world.said() == [("user", "what are your hours"), ("assistant", HOURS)]
    assert world.session.unwritten == []


def test_what_the_table_never_took_is_handed_back() -> None:
    world = world_with(table_fails=10**6)
    assert [message.content for batch in world.session.unwritten for message in batch.messages] == [
        "what are your hours",
        HOURS,
    ]


async def hand_over(world: World) -> None:
    await world.session.command({"type": "transfer", "destination": "+31201234567"})


@pytest.mark.parametrize(
    ("outcome", "reason", "said"),
    [
        (TransferOutcome.BUSY, EndReason.TRANSFER_FAILED, [("assistant", APOLOGY)]),
        (TransferOutcome.SUCCEEDED, EndReason.TRANSFERRED, []),
    ],
)
def test_a_recogniser_that_is_lost_during_a_transfer_ends_the_call_only_if_that_fails(
    outcome: TransferOutcome, reason: EndReason, said: list[tuple[str, str]]
) -> None:
    world = world_with(
        timeline=[says(3.0, "hello hello are you still there")],
        acts=[(2.0, hand_over)],
        transfer_outcome=outcome,
        transfer_seconds=10.0,
        stt_breaks=frozenset([1, 2]),
    )
    assert world.outcome.end_reason is reason
    assert world.said() == said
    assert 12.0 <= world.log.first("hang up") < 15.0
    assert world.outcome.error == "stt: connection lost"
