"""Nobody is left in silence: the silent caller, words that are not recognised, hanging tools, failed transfers."""

from typing import Any

import pytest

from media.audio.echo import EchoDetector
from media.conversation.settings import ConversationSettings, Silence
from media.conversation.tools import TOOL_TIMEOUT_SECONDS
from media.speech.interfaces import ToolCall
from media.telephony.leg import LegDigit, TransferOutcome
from sovereign.calls.model import EndReason
from sovereign.catalog.tools import TransferCallTool, TransferDestination, WebhookTool
from tests.scenarios.conversation.world import Turn, World, noise, play, says

HELLO = "Hello."
HELLO_ENDS = 0.05 + len(HELLO) * 0.05
FIRST, SECOND, LAST = "Are you there?", "Anybody?", "Goodbye then."


def silent(*timeline: Any, **changes: Any) -> World:
    policy = Silence(
        messages=[FIRST, SECOND], final_message=LAST, first_check_seconds=3, interval_seconds=5, max_attempts=3
    ).model_copy(update=changes.pop("policy", {}))
    settings = ConversationSettings(first_message=HELLO, silence=policy)
    script: dict[str, Any] = {"settings": settings, "answers": ["Say something."], "hangs_up_at": 90.0}
    return World(timeline=timeline, **(script | changes))


def texts(world: World) -> list[str]:
    return [text for role, text in world.said() if role == "assistant"]


def test_each_check_comes_in_its_time_after_the_agent_finished() -> None:
    world = play(silent())
    assert texts(world) == [HELLO, FIRST, SECOND, "Say something.", LAST]
    first = HELLO_ENDS + 3
    assert world.starts(FIRST) == pytest.approx(first + 0.05, abs=0.03)
    second = first + 0.05 + len(FIRST) * 0.05 + 5
    assert world.starts(SECOND) == pytest.approx(second + 0.05, abs=0.05)
    assert world.log.first("model asked 1") == pytest.approx(second + 0.05 + len(SECOND) * 0.05 + 5, abs=0.05)
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT
    assert world.log.first("hang up") == pytest.approx(world.starts(LAST) + len(LAST) * 0.05 + 0.1, abs=0.05)


def test_without_a_final_message_it_just_ends() -> None:
    world = play(silent(policy={"final_message": None, "max_attempts": 1}))
    assert texts(world) == [HELLO, FIRST]
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT


@pytest.mark.parametrize("words", ["yes I am", "mhm"])
def test_any_words_start_over(words: str) -> None:
    world = play(silent(says(12.5, words), answers=["Good.", "Say something."]))
    assert texts(world).count(FIRST) == 2


def test_words_over_a_check_start_over_too() -> None:
    world = play(silent(says(3.6, "mhm", 0.2)))
    assert texts(world).count(FIRST) == 2


def test_the_agents_own_question_coming_back_does_not_start_over(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = play(silent(policy={"max_attempts": 2}))
    echoes = [says(plain.starts(text) + 0.2, text, len(text) * 0.05) for text in (FIRST, SECOND)]
    monkeypatch.setattr(EchoDetector, "is_echo", lambda *_: True)
    world = play(silent(*echoes, policy={"max_attempts": 2}))
    assert world.outcome.latency is not None
    assert world.outcome.latency["echoes"] == 2
    assert texts(world) == texts(plain) == [HELLO, FIRST, SECOND, LAST]
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT


def test_a_key_starts_over_and_an_entry_is_not_talked_into() -> None:
    keys = [(2.5, LegDigit("4")), (4.0, LegDigit("2"))]
    world = play(silent(events=keys, answers=["Thank you."], hangs_up_at=8.0))
    assert texts(world) == [HELLO, "Thank you."]
    assert world.log.first("model asked 1") == pytest.approx(6.0, abs=0.02)


def test_noises_do_not_keep_the_caller_unasked() -> None:
    world = play(silent(*(noise(at, 0.6) for at in range(1, 60, 2))))
    assert world.starts(FIRST) < HELLO_ENDS + 3 + 2.0
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT


def test_speech_in_which_nothing_is_recognised_is_asked_about() -> None:
    world = play(silent(noise(2.0, 4.0), noise(8.0, 3.0)))
    assert FIRST in texts(world)
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT


@pytest.mark.parametrize("at", [1.0, 3.4, 5.0, 10.0, 20.0])
def test_a_hang_up_at_any_moment_ends_the_call_once(at: float) -> None:
    world = play(silent(hangs_up_at=at))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert world.log.times("hang up") == [pytest.approx(at, abs=0.02)]


def test_a_model_that_hangs_over_the_question_does_not_leave_silence_for_ever() -> None:
    world = play(silent(policy={"messages": []}, answers=[Turn(hangs=True)]))
    assert world.outcome.end_reason is EndReason.PROVIDER_ERROR
    assert world.log.first("hang up") < HELLO_ENDS + 3 + 2 * 10 + 10


def test_a_tool_that_hangs_is_followed_by_an_answer() -> None:
    tool = WebhookTool(name="look", description="Looks.")
    answers = [Turn("One moment.", [ToolCall("c1", "look", {})]), "I cannot look now."]
    world = play(silent(says(1.0, "look it up"), tools=(tool,), tool_answers={"look": (1e6, "")}, answers=answers))
    assert world.starts("I cannot look now.") < world.log.first("tool look") + TOOL_TIMEOUT_SECONDS + 0.5
    # and then the caller is asked as ever
    assert FIRST in texts(world)


def test_a_failed_transfer_with_the_caller_speaking_into_it_leaves_nobody_waiting() -> None:
    destination = TransferDestination(type="number", number="+31201234567", description="Sales")
    tool = TransferCallTool(type="transfer_call", destinations=[destination])
    answers = [Turn("", [ToolCall("c1", "transfer_call", {})]), "Nobody answers there."]
    world = play(
        silent(
            says(1.0, "sales please"),
            # begins before the handing over and ends within it
            says(2.35, "hello hello hello", 1.2),
            tools=(tool,),
            answers=answers,
            transfer_outcome=TransferOutcome.NO_ANSWER,
            transfer_seconds=4.0,
        )
    )
    assert "Nobody answers there." in texts(world)
    assert FIRST in texts(world)
    assert world.outcome.end_reason is EndReason.SILENCE_TIMEOUT


def test_a_failed_transfer_by_command_with_the_caller_speaking_leaves_nobody_waiting() -> None:
    async def transfer(world: World) -> None:
        await world.session.command({"type": "transfer", "destination": "+31201234567"})

    world = play(
        silent(
            says(1.0, "one two three four", 1.5),
            acts=[(1.5, transfer)],
            answers=["That did not work."],
            transfer_outcome=TransferOutcome.BUSY,
            transfer_seconds=4.0,
        )
    )
    assert texts(world)[1] == "That did not work."
    assert FIRST in texts(world)
