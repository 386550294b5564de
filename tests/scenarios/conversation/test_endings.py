"""Whole calls in virtual time: every way a call can end, with exactly one outcome."""

import asyncio
from typing import Any

import pytest

from media.calls.commands import CommandRefusedError
from media.conversation.settings import ConversationSettings, Silence
from media.speech.interfaces import ToolCall
from media.telephony.leg import LegClosed, LegClosedBy, LegDigit, TransferOutcome
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import WebhookTool
from tests.scenarios.conversation.world import Turn, World, noise, play, says
from tests.virtual_time import run_virtual

GREETING = "Hello, this is the bakery, how can I help you?"
ASK = says(4.0, "what are your hours")
HOURS = "We are open from nine to five."


def with_tool(**changes: Any) -> World:
    script: dict[str, Any] = {
        "timeline": [ASK],
        "answers": [Turn("One moment.", [ToolCall("c1", "look", {})]), HOURS],
        "settings": ConversationSettings(first_message=GREETING),
        "tools": (WebhookTool(name="look", description="Looks it up."),),
        "tool_answers": {"look": (3.0, "nine")},
    }
    return World(**(script | changes))


@pytest.mark.parametrize(
    ("stage", "at"),
    [
        ("at once", 0.0),
        ("greeting", 1.0),
        ("silence", 3.5),
        ("caller speaks", 4.5),
        ("turn decided", 5.45),
        ("model", 5.62),
        ("agent speaks", 6.0),
        ("tool runs", 7.5),
        ("second answer", 9.6),
        ("after it", 12.0),
    ],
)
def test_a_hang_up_at_any_stage_ends_the_call_once(stage: str, at: float) -> None:
    world = play(with_tool(hangs_up_at=at))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.log.times("hang up") == [pytest.approx(at, abs=0.02)]
    assert world.model.closed
    assert world.synthesiser.closed
    assert world.session.outcome == world.outcome


def test_what_was_heard_until_the_hang_up_is_in_the_transcript() -> None:
    world = play(with_tool(hangs_up_at=1.0))
    ((role, heard),) = world.said()
    assert role == "assistant"
    assert GREETING.startswith(heard)
    assert len(heard.split()) in (3, 4)


@pytest.mark.parametrize("by", [LegClosedBy.MEDIA_LOST, LegClosedBy.FAILED])
def test_a_lost_leg_is_media_lost(by: LegClosedBy) -> None:
    world = play(World(settings=ConversationSettings(first_message=GREETING), events=[(2.0, LegClosed(by))]))
    assert world.outcome.end_reason is EndReason.MEDIA_LOST


def test_the_maximum_duration_ends_the_call_in_mid_word() -> None:
    world = play(World(settings=ConversationSettings(first_message=GREETING), max_duration=1.0))
    assert world.outcome.end_reason is EndReason.MAX_DURATION
    assert world.log.first("hang up") == pytest.approx(1.0, abs=0.01)


def test_the_maximum_duration_cuts_a_goodbye_short_and_keeps_its_reason() -> None:
    async def end(world: World) -> None:
        await world.session.command({"type": "end-call", "message": "This goodbye takes a good many words to say."})

    world = play(World(acts=[(1.0, end)], max_duration=2.0))
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.log.first("hang up") == pytest.approx(2.0, abs=0.01)


def test_shutdown_apologises_and_ends() -> None:
    async def stop(world: World) -> None:
        world.session.stop()

    settings = ConversationSettings(first_message=GREETING, apology="Sorry, we have to stop.")
    world = play(World(settings=settings, acts=[(1.0, stop)]))
    assert world.outcome.end_reason is EndReason.SHUTDOWN
    assert world.said()[-1] == ("assistant", "Sorry, we have to stop.")
    assert world.log.first("hang up") == pytest.approx(1.0 + 0.05 + 23 * 0.05 + 0.1, abs=0.05)


def test_a_stop_whose_apology_cannot_be_spoken_still_ends() -> None:
    async def stop(world: World) -> None:
        world.session.stop(EndReason.NODE_LOST)

    world = play(World(timeline=[], acts=[(1.0, stop)], tts_delay=1e6, hangs_up_at=100.0))
    assert world.outcome.end_reason is EndReason.NODE_LOST
    assert world.log.first("hang up") <= 1.0 + 30.1


def test_cancelling_the_session_cleans_up_and_leaves_an_outcome() -> None:
    async def program() -> World:
        world = World(settings=ConversationSettings(first_message=GREETING))
        playing = asyncio.create_task(world.play())
        await asyncio.sleep(1.0)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        return world

    world = run_virtual(program())
    assert world.session.outcome is not None
    assert world.session.outcome.end_reason is EndReason.SHUTDOWN
    assert world.leg.hung_up
    assert world.said() != []


def test_a_defect_in_a_part_ends_the_call_without_leaking_it() -> None:
    class Broken:
        async def is_complete(self, pcm: bytes, sample_rate: int) -> bool:
            raise ZeroDivisionError("internal detail")

    world = play(World(timeline=[ASK], predictor=Broken()))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.outcome.error == "internal error"
    assert world.leg.hung_up


def test_a_defect_in_the_audio_path_ends_only_this_call() -> None:
    async def break_leg(world: World) -> None:
        world.leg.read = None  # type: ignore[method-assign,assignment]

    world = play(World(acts=[(1.0, break_leg)], hangs_up_at=5.0))
    assert world.outcome.end_reason is EndReason.MEDIA_LOST


@pytest.mark.parametrize("at", [step / 100 for step in range(540, 580, 2)])
def test_cancelling_around_the_end_of_a_turn_leaves_nothing_behind(at: float) -> None:
    """Timers and detector results that come while everything is being cancelled start nothing new."""

    async def program() -> World:
        world = World(timeline=[ASK], vad_delay=0.03)
        playing = asyncio.create_task(world.play())
        await asyncio.sleep(at)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        await asyncio.sleep(1.0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left
        return world

    assert run_virtual(program()).session.outcome is not None


# silence

POLICY = Silence(
    messages=["Are you still there?"], final_message="Goodbye then.", first_check_seconds=3, interval_seconds=5,
    max_attempts=2,
)  # fmt: skip


def silent(**changes: Any) -> World:
    settings = ConversationSettings(first_message="Hello.", silence=POLICY)
    script: dict[str, Any] = {"settings": settings, "answers": ["Can you hear me?"], "hangs_up_at": 60.0}
    return World(**(script | changes))


def test_a_silent_caller_is_asked_then_asked_by_the_model_then_let_go() -> None:
    world = play(silent())
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT
    assert [text for _, text in world.said()] == ["Hello.", "Are you still there?", "Can you hear me?", "Goodbye then."]
    hello_ended = 0.05 + 6 * 0.05
    assert world.starts("Are you still there?") == pytest.approx(hello_ended + 3 + 0.05, abs=0.05)
    asked = world.starts("Are you still there?") + 20 * 0.05
    assert world.log.first("model asked 1") == pytest.approx(asked + 5, abs=0.05)


def test_speech_gives_the_caller_all_attempts_again() -> None:
    world = play(silent(timeline=[says(6.0, "yes I am here")], answers=["Good.", "Can you hear me?"]))
    texts = [text for _, text in world.said()]
    assert texts.count("Are you still there?") == 2
    assert texts[-1] == "Goodbye then."


def test_a_noise_does_not_count_as_speech() -> None:
    world = play(silent(timeline=[noise(6.0, 0.5)]))
    assert [text for _, text in world.said()].count("Are you still there?") == 1


def test_a_silent_caller_is_left_alone_without_a_policy() -> None:
    world = play(World(settings=ConversationSettings(first_message="Hello."), hangs_up_at=120.0))
    assert world.said() == [("assistant", "Hello.")]


# control commands


def commanded(at: float, command: dict[str, Any], **changes: Any) -> World:
    async def send(world: World) -> None:
        try:
            await world.session.command(command)
        except CommandRefusedError as refusal:
            world.refused.append(refusal.code)

    script: dict[str, Any] = {"timeline": [ASK], "answers": [HOURS], "acts": [(at, send)], "hangs_up_at": 14.0}
    return play(World(**(script | changes)))


def test_say_speaks_after_what_is_being_said() -> None:
    world = commanded(6.5, {"type": "say", "content": "By the way, we have cake."})
    assert world.said()[1:] == [("assistant", HOURS), ("assistant", "By the way, we have cake.")]


def test_say_with_end_after_ends_the_call_when_it_was_heard() -> None:
    world = commanded(1.0, {"type": "say", "content": "We close now.", "end_after": True})
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.said() == [("assistant", "We close now.")]


def test_injected_context_reaches_the_model_at_the_next_turn() -> None:
    world = commanded(1.0, {"type": "inject-context", "content": "The caller is called Ann."})
    assert [(m.role, m.content) for m in world.model.requests[0]] == [
        ("system", "The caller is called Ann."),
        ("user", "what are your hours"),
    ]


def test_injected_context_can_trigger_a_response() -> None:
    world = commanded(1.0, {"type": "inject-context", "content": "Greet Ann.", "trigger_response": True}, timeline=[])
    assert world.said() == [("assistant", HOURS)]


def test_end_call_speaks_the_message_even_over_the_agent() -> None:
    world = commanded(6.0, {"type": "end-call", "message": "We are closing."})
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.said()[-1] == ("assistant", "We are closing.")
    assert world.said()[-2][1] != HOURS


def test_end_call_without_a_message_ends_at_once() -> None:
    world = commanded(2.0, {"type": "end-call"})
    assert world.log.first("hang up") == pytest.approx(2.0, abs=0.02)


def test_send_dtmf_sends_the_digits() -> None:
    assert commanded(2.0, {"type": "send-dtmf", "digits": "42"}).leg.digits == ["42"]


def test_send_dtmf_is_answered_when_it_has_begun() -> None:
    digits, took = "0123456789*#ABCD" * 2, []

    async def press(world: World) -> None:
        world.leg.seconds_a_digit = 0.22
        began = asyncio.get_running_loop().time()
        await world.session.command({"type": "send-dtmf", "digits": digits})
        took.append(asyncio.get_running_loop().time() - began)

    world = play(World(acts=[(1.0, press)]))
    assert world.leg.digits == [digits]
    assert took == [0.0]


def test_send_dtmf_into_a_call_that_ends_meanwhile_costs_nothing() -> None:
    async def press(world: World) -> None:
        world.leg.dead = True
        await world.session.command({"type": "send-dtmf", "digits": "1"})

    world = play(World(acts=[(1.0, press)], hangs_up_at=2.0))
    assert world.leg.digits == []
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_keys_no_telephone_has_are_refused() -> None:
    refused: list[str] = []

    async def press(world: World) -> None:
        with pytest.raises(CommandRefusedError) as refusal:
            await world.session.command({"type": "send-dtmf", "digits": "1x"})
        refused.append(refusal.value.code)

    assert play(World(acts=[(1.0, press)])).leg.digits == []
    assert refused == ["invalid_request"]


def test_transfer_announces_refers_and_ends() -> None:
    world = commanded(2.0, {"type": "transfer", "destination": "+31201234567", "message": "Connecting."})
    assert world.outcome.end_reason is EndReason.TRANSFERRED
    assert world.said()[0] == ("assistant", "Connecting.")


def test_a_failed_transfer_by_command_is_told_by_the_model() -> None:
    command = {"type": "transfer", "destination": "+31201234567"}
    world = commanded(2.0, command, transfer_outcome=TransferOutcome.BUSY, timeline=[])
    assert "busy" in world.model.requests[0][-1].content
    assert world.said() == [("assistant", HOURS)]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"type": "dance"}, "invalid_request"),
        ({"type": "say"}, "invalid_request"),
        ({"type": "say", "content": ""}, "invalid_request"),
        ({"type": "transfer", "destination": "+1900"}, "destination_not_allowed"),
    ],
)
def test_a_command_that_cannot_be_done_is_refused(command: dict[str, Any], code: str) -> None:
    assert commanded(2.0, command, forbidden=frozenset(["+1900"])).refused == [code]


def test_a_command_after_the_end_is_refused() -> None:
    async def program() -> str:
        world = World(hangs_up_at=1.0)
        await world.play()
        with pytest.raises(CommandRefusedError) as refused:
            await world.session.command({"type": "say", "content": "hello"})
        return refused.value.code

    assert run_virtual(program()) == "not_in_progress"


# keys


def test_keys_reach_the_model_as_one_turn_two_seconds_after_the_last() -> None:
    keys = [(1.0, LegDigit("4")), (2.0, LegDigit("2"))]
    world = play(World(answers=["Thank you."], events=keys, hangs_up_at=8.0))
    assert world.said() == [("user", "[keypad] 42"), ("assistant", "Thank you.")]
    assert world.log.first("model asked 1") == pytest.approx(4.0, abs=0.02)


def test_the_hash_key_completes_an_entry_at_once() -> None:
    keys = [(1.0, LegDigit("4")), (1.5, LegDigit("#"))]
    world = play(World(answers=["Thank you."], events=keys, hangs_up_at=8.0))
    assert world.log.first("model asked 1") == pytest.approx(1.5, abs=0.02)
    assert world.said()[0] == ("user", "[keypad] 4")


def test_keys_interrupt_the_agent() -> None:
    settings = ConversationSettings(first_message=GREETING)
    world = play(World(answers=["Yes."], settings=settings, events=[(1.0, LegDigit("1")), (1.1, LegDigit("#"))]))
    assert world.said()[0][1] != GREETING
    assert world.said()[1:] == [("user", "[keypad] 1"), ("assistant", "Yes.")]


def test_keys_found_in_the_audio_are_keys() -> None:
    keys = [(1.0, LegDigit("4", in_audio=True)), (1.5, LegDigit("#", in_audio=True))]
    world = play(World(answers=["Thank you."], events=keys, hangs_up_at=8.0))
    assert world.said()[0] == ("user", "[keypad] 4")


def test_a_key_that_is_told_and_heard_counts_once() -> None:
    keys = [
        (1.0, LegDigit("4")),
        (1.1, LegDigit("4", in_audio=True)),
        (1.5, LegDigit("2")),
        (1.6, LegDigit("2", in_audio=True)),
    ]
    world = play(World(answers=["Thank you."], events=keys, hangs_up_at=8.0))
    assert world.said()[0] == ("user", "[keypad] 42")


def test_keys_pressed_while_speaking_reach_the_model_with_the_words() -> None:
    keys = [(1.5, LegDigit("4")), (1.8, LegDigit("2")), (2.0, LegDigit("#"))]
    world = play(World(timeline=[says(1.0, "my code is this one", 2.0)], answers=["Thank you."], events=keys))
    said = [text for role, text in world.said() if role == "user"]
    assert "[keypad] 42" in said
    assert "my code is this one" in said
    assert [text for role, text in world.said() if role == "assistant"][-1] == "Thank you."
