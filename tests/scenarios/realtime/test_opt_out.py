"""A caller who never wants to be called again, when the model hears and speaks by itself."""

from typing import Any

from media.conversation.opt_out import OptOut
from media.conversation.opt_out_phrases import OPT_OUTS
from media.conversation.settings import ConversationSettings
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import Sound, says
from tests.scenarios.realtime.world import RealtimeWorld, play

CONFIRMATION = OPT_OUTS["en"].confirmation


def called(*said: Sound, **changes: Any) -> tuple[RealtimeWorld, list[str]]:
    """A world in which the number is put on a list."""
    listed: list[str] = []

    async def forbid() -> None:
        listed.append("the number")

    world = RealtimeWorld(said, ["Good."], ConversationSettings(first_message="Hello."), **changes)
    world.make_opt_out = lambda: OptOut(forbid)
    return world, listed


def test_the_number_is_listed_and_the_call_ends_after_a_sentence() -> None:
    world, listed = called(says(2.0, "please stop calling me"), hangs_up_at=60.0)
    play(world)
    assert listed == ["the number"]
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert world.asked[-1] == ("speak", CONFIRMATION)
    assert world.said()[-1] == ("assistant", CONFIRMATION)
    assert ("user", "please stop calling me") in world.said()


def test_who_says_it_and_hangs_up_is_listed_too() -> None:
    # the words are known, but not that they are all of them, when the line closes
    world, listed = called(says(2.0, "please stop calling me"), words_stay_open=True, hangs_up_at=5.0)
    play(world)
    assert listed == ["the number"]
    assert world.outcome.end_reason is EndReason.OPT_OUT


def test_what_only_sounds_like_it_is_answered() -> None:
    world, listed = called(says(2.0, "stop calling it a car"))
    play(world)
    assert listed == []
    assert ("assistant", "Good.") in world.said()


def test_on_an_inbound_call_it_is_answered_like_anything_else() -> None:
    world, listed = called(says(2.0, "please stop calling me"))
    world.make_opt_out = None
    play(world)
    assert listed == []
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert ("assistant", "Good.") in world.said()
