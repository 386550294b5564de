"""The connection to the model: slow, refused, broken, and taken up again."""

import pytest

from media.conversation.settings import ConversationSettings
from media.speech.interfaces import BadKeyError, ProviderError, ToolCall
from media.telephony.leg import TransferOutcome
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import noise, says
from tests.scenarios.realtime.test_tools_and_orders import LOOKUP
from tests.scenarios.realtime.world import RealtimeWorld, Reply, play

BROKEN = ProviderError("scripted", "no connection", retryable=True)
HELLO = ConversationSettings(first_message="Hello.")


def test_broken_connection_is_taken_up_again_with_the_conversation_so_far() -> None:
    world = play(
        RealtimeWorld(
            [says(2.0, "my name is Eve"), says(9.0, "what is my name")],
            ["Hello Eve.", "Your name is Eve."],
            HELLO,
            breaks={1: 7.0},
        )
    )
    again = world.model.sessions[1].opening.history
    assert [(message.role, message.content) for message in again] == [
        ("assistant", "Hello."),
        ("user", "my name is Eve"),
        ("assistant", "Hello Eve."),
    ]
    assert world.said()[-1] == ("assistant", "Your name is Eve.")
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 1
    assert world.outcome.error == "scripted: the connection broke"
    assert world.closed == 2


@pytest.mark.parametrize("connect_delay", [0.1, 8.0])
def test_what_the_caller_was_saying_is_heard_again_from_its_beginning(connect_delay: float) -> None:
    """Also when the caller has finished before the next connection is there."""
    began = connect_delay + 2.0
    world = play(
        RealtimeWorld(
            [says(began, "my name is Eve", 2.0), says(began + 15.0, "bye", 0.5)],
            ["Hello Eve.", "Bye."],
            breaks={1: 3.0},
            connect_delay=connect_delay,
        )
    )
    assert len(world.model.sessions) == 2
    # a half, the whole, and what was said long after it once
    assert 3.4 < world.fed_voice < 3.6
    assert [text for role, text in world.said() if role == "user"] == ["my name is Eve", "bye"]


@pytest.mark.parametrize("breaks_at", [1.65, 1.9, 2.3, 3.0])
def test_what_the_caller_said_and_nobody_answered_is_heard_again(breaks_at: float) -> None:
    """The model had not even told what it was: only the sound of it is left."""
    world = play(
        RealtimeWorld(
            [says(1.0, "my name is Eve", 0.6), says(15.0, "bye", 0.5)],
            ["Hello Eve.", "Bye."],
            breaks={1: breaks_at - 0.1},
            transcript_delay=2.5,
            reply_delay=2.5,
        )
    )
    assert world.said()[:2] == [("user", "my name is Eve"), ("assistant", "Hello Eve." if breaks_at < 1.8 else "Bye.")]
    assert not [kind for kind, _ in world.asked if kind == "inform"]
    assert 1.65 < world.fed_voice < 1.75


def test_what_was_answered_is_not_heard_again() -> None:
    world = play(RealtimeWorld([says(1.0, "my name is Eve", 0.6)], ["Hello Eve, how do you do."], breaks={1: 2.5}))
    assert 0.55 < world.fed_voice < 0.65


def test_what_was_answered_a_moment_before_the_break_is_not_heard_again() -> None:
    """The connection is gone before another packet of the caller came."""
    answer = Reply("Hello Eve, how do you do.", cut_after=1)
    world = play(
        RealtimeWorld([says(1.0, "my name is Eve", 0.6)], [answer, "As I said."], transcript_delay=0.0, reply_delay=0.0)
    )
    assert 0.55 < world.fed_voice < 0.65
    assert world.said() == [("user", "my name is Eve"), ("assistant", "As I said.")]


def test_noise_that_nobody_answered_is_soon_forgotten() -> None:
    world = play(RealtimeWorld([noise(1.0, 0.6)], breaks={1: 9.0}, hangs_up_at=12.0))
    assert len(world.model.sessions) == 2
    assert 0.55 < world.fed_voice < 0.65


def test_model_that_falls_silent_in_the_middle_of_an_answer_is_reconnected_and_then_given_up() -> None:
    long = "This is a long answer of the model that will never be made to its end by this connection."
    once = play(RealtimeWorld([says(1.0, "tell me")], [long, "As I said."], stalls={1: 2.4}, hangs_up_at=30.0))
    assert once.said()[-1] == ("assistant", "As I said.")
    assert once.outcome.end_reason is EndReason.USER_HANGUP
    assert once.outcome.error == "realtime: fell silent in the middle of an answer"
    twice = play(RealtimeWorld([says(1.0, "tell me")], [long, long], stalls={1: 2.4, 2: 1.0}, hangs_up_at=60.0))
    assert twice.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert len(twice.model.sessions) == 2
    assert 18.0 < twice.log.first("hang up") < 30.0


def test_answer_that_was_made_long_before_it_is_heard_is_waited_for() -> None:
    """It is made five times faster, and told to be complete only when it has been heard."""
    long = "This is a very long answer. " * 15
    world = play(RealtimeWorld([says(1.0, "tell me")], [long], pauses_late=True, hangs_up_at=60.0))
    assert len(world.model.sessions) == 1
    assert world.said()[-1] == ("assistant", long.strip())


def test_answer_that_broke_off_is_gone_on_with() -> None:
    long = "This is a long answer of the model that will never be made to its end by this connection."
    world = play(RealtimeWorld([says(1.0, "tell me")], [long, "As I said."], breaks={1: 2.4}))
    assert [kind for kind, _ in world.asked] == ["inform"]
    assert world.said()[-1] == ("assistant", "As I said.")


def test_line_that_was_not_begun_is_asked_for_again() -> None:
    world = play(RealtimeWorld(settings=HELLO, breaks={1: 0.05}))
    assert world.asked == [("speak", "Hello."), ("speak", "Hello.")]
    assert world.said() == [("assistant", "Hello.")]


def test_result_of_a_tool_called_before_the_break_is_told_on_the_new_connection() -> None:
    world = play(
        RealtimeWorld(
            [says(1.0, "where is it")],
            [Reply(calls=[ToolCall("c1", "lookup", {"id": "7"})]), "A moment.", "It is on its way."],
            tools=(LOOKUP.model_copy(update={"message": None}),),
            tool_answers={"lookup": (4.0, {"status": "sent"})},
            breaks={1: 3.0},
        )
    )
    told = [text for kind, text in world.asked if kind == "inform"]
    assert any('The result of lookup: {"status": "sent"}' in text for text in told)
    assert not [text for kind, text in world.asked if kind == "result"]


def test_second_break_ends_the_call_with_the_providers_error() -> None:
    world = play(RealtimeWorld(settings=HELLO, breaks={1: 3.0, 2: 3.0}, hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.outcome.error == "scripted: the connection broke"
    assert 6.0 < world.log.first("hang up") < 7.0


def test_connection_that_lived_long_is_worth_another_try() -> None:
    world = play(RealtimeWorld(settings=HELLO, breaks={1: 3.0, 2: 40.0}, hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert len(world.model.sessions) == 3


def test_session_the_vendor_ends_is_followed_by_another_and_is_no_failure() -> None:
    timeline = [says(2.0, "my name is Eve"), says(9.0, "what is my name")]
    world = play(RealtimeWorld(timeline, ["Hello Eve.", "Your name is Eve."], HELLO, ends={1: 7.0}))
    assert world.said()[-1] == ("assistant", "Your name is Eve.")
    assert len(world.model.sessions) == 2
    assert world.outcome.error is None
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 0


def test_session_the_vendor_ends_does_not_use_up_the_try_after_a_break() -> None:
    world = play(RealtimeWorld(settings=HELLO, ends={1: 3.0}, breaks={2: 3.0}, hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.outcome.error == "scripted: the connection broke"
    assert world.outcome.latency is not None
    assert world.outcome.latency["provider_retries"] == 1


def test_vendor_that_ends_every_session_at_once_is_given_up() -> None:
    world = play(RealtimeWorld(settings=HELLO, ends={1: 3.0, 2: 0.1, 3: 0.1}, hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.outcome.error == "scripted: ended the session"
    assert len(world.model.sessions) == 3


def test_refused_key_ends_the_call_without_a_second_try() -> None:
    refused = BadKeyError("scripted", "the key was refused", retryable=False)
    world = play(RealtimeWorld(settings=HELLO, open_fails={1: refused}, hangs_up_at=20.0))
    assert (world.outcome.end_reason, world.model.tried) == (EndReason.PROVIDER_ERROR, 1)
    assert world.outcome.error == "scripted: the key was refused"


def test_failed_connection_is_tried_once_more() -> None:
    world = play(RealtimeWorld(settings=HELLO, open_fails={1: BROKEN}))
    assert world.said() == [("assistant", "Hello.")]
    failed = play(RealtimeWorld(settings=HELLO, open_fails={1: BROKEN, 2: BROKEN}, hangs_up_at=20.0))
    assert failed.outcome.end_reason is EndReason.PROVIDER_ERROR


def test_connection_that_does_not_come_about_is_given_up() -> None:
    world = play(RealtimeWorld(settings=HELLO, connect_delay=1e6, hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert 19.9 < world.log.first("hang up") < 20.5


def test_model_that_does_not_answer_is_reconnected_and_then_given_up() -> None:
    world = play(RealtimeWorld(settings=HELLO, mute=True, hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.outcome.error == "realtime: did not answer in time"
    assert len(world.model.sessions) == 2
    assert world.log.first("hang up") < 18.0


def test_last_words_that_never_come_do_not_keep_the_call() -> None:
    async def end(world: RealtimeWorld) -> None:
        world.mute = True
        await world.session.command({"type": "end-call", "message": "Goodbye."})

    world = play(RealtimeWorld(acts=[(2.0, end)], hangs_up_at=60.0))
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.log.first("hang up") < 11.0


def test_what_still_plays_when_the_connection_breaks_is_not_mixed_with_what_comes_after() -> None:
    """Each connection may name its stretches of speech as the one before did."""
    long = "This is a long answer of the model which has been made whole long before it has been heard to its end."

    async def inform(world: RealtimeWorld) -> None:
        assert world.model.sessions[1:], "the next connection is there"
        await world.session.command({"type": "inject-context", "content": "A taxi.", "trigger_response": True})

    replies = [long, "The taxi is there."]
    world = play(RealtimeWorld([says(1.0, "tell me")], replies, acts=[(4.2, inform)], breaks={1: 3.5}))
    assert world.said() == [("user", "tell me"), ("assistant", long), ("assistant", "The taxi is there.")]


def test_interruption_of_what_a_broken_connection_said_stops_it() -> None:
    long = "This is a long answer of the model which has been made whole long before it has been heard to its end."
    timeline = [says(1.0, "tell me"), says(5.0, "stop it please")]
    world = play(RealtimeWorld(timeline, [long, "Sorry."], breaks={1: 3.5}))
    assert world.said()[-1] == ("assistant", "Sorry.")
    role, cut = world.said()[1]
    assert (role, long.startswith(cut), len(cut) < len(long)) == ("assistant", True, True)
    # the new connection knows nothing of it
    assert not [kind for kind, _ in world.asked if kind == "heard"]


def test_injected_context_is_known_on_the_next_connection() -> None:
    async def inject(world: RealtimeWorld) -> None:
        await world.session.command(
            {"type": "inject-context", "content": "The caller is a VIP.", "trigger_response": False}
        )

    world = play(RealtimeWorld([says(1.0, "hello")], ["Hi."], acts=[(4.0, inject)], breaks={1: 6.0}))
    history = [(message.role, message.content) for message in world.model.sessions[1].opening.history]
    assert history == [("user", "hello"), ("assistant", "Hi."), ("system", "The caller is a VIP.")]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (TransferOutcome.NO_ANSWER, EndReason.TRANSFER_FAILED),
        (TransferOutcome.SUCCEEDED, EndReason.TRANSFERRED),
    ],
)
def test_a_model_that_is_lost_during_a_transfer_ends_the_call_only_if_that_fails(
    outcome: TransferOutcome, reason: EndReason
) -> None:
    async def hand_over(world: RealtimeWorld) -> None:
        await world.session.command({"type": "transfer", "destination": "+31201234567"})

    world = play(
        RealtimeWorld(
            acts=[(2.0, hand_over)],
            breaks={1: 4.0, 2: 2.0},
            transfer_outcome=outcome,
            transfer_seconds=15.0,
            hangs_up_at=60.0,
        )
    )
    assert world.outcome.end_reason is reason
    assert 17.0 <= world.log.first("hang up") < 18.0
