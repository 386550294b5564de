"""Outbound calls of a speech-to-speech model that a machine answers, or a person."""

from typing import Any

import pytest

from media.conversation.events import BeepEnded, BeepHeard
from media.conversation.settings import ConversationSettings
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import Sound, says
from tests.scenarios.realtime.world import RealtimeWorld, play

GREETING = "Hello, this is the bakery."
MESSAGE = "Please call the bakery back."
MACHINE = "you have reached the voicemail of daniel please leave a message after the tone"


def dialled(*timeline: Sound, message: str | None = MESSAGE, **changes: Any) -> RealtimeWorld:
    settings = ConversationSettings(first_message=GREETING, voicemail_detection=True, voicemail_message=message)
    script: dict[str, Any] = {"replies": ["Good."], "hangs_up_at": 60.0}
    return RealtimeWorld(timeline=timeline, settings=settings, **(script | changes))


def beep(at: float) -> list[Any]:
    async def begin(world: RealtimeWorld) -> None:
        world.session._parts.conversation.post(BeepHeard(1000.0))  # type: ignore[union-attr]

    async def end(world: RealtimeWorld) -> None:
        world.session._parts.conversation.post(BeepEnded())  # type: ignore[union-attr]

    return [(at, begin), (at + 0.4, end)]


def test_a_beep_gets_the_message_after_it_and_the_call_ends() -> None:
    world = play(dialled(says(0.5, MACHINE, 4.0), acts=beep(5.0)))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.said()[-1] == ("assistant", MESSAGE)
    assert world.starts(MESSAGE) > 5.4
    assert world.log.first("hang up") >= world.starts(MESSAGE) + len(MESSAGE) * 0.05


def test_a_message_longer_than_any_goodbye_is_left_to_its_end() -> None:
    message = "Please call the bakery back about your cake. " * 20
    world = play(dialled(says(0.5, MACHINE, 4.0), message=message, acts=beep(5.0), hangs_up_at=90.0))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.said()[-1] == ("assistant", message.strip())
    assert world.log.first("hang up") >= 5.4 + len(message) * 0.05


def test_a_greeting_longer_than_any_persons_is_a_machines_and_without_a_message_the_call_is_over() -> None:
    world = play(dialled(says(0.5, MACHINE, 20.0), message=None))
    assert world.outcome.end_reason is EndReason.VOICEMAIL
    assert world.log.first("hang up") == pytest.approx(6.5, abs=0.2)
    assert MESSAGE not in [text for _, text in world.said()]


def test_a_person_is_greeted_after_their_first_words_and_answered() -> None:
    world = play(dialled(says(0.5, "hello this is daniel", 1.2), says(6.0, "yes please"), hangs_up_at=12.0))
    assert 1.7 < world.starts(GREETING) < 2.8
    assert world.said()[-2:] == [("user", "yes please"), ("assistant", "Good.")]
    assert world.outcome.end_reason is EndReason.USER_HANGUP
