"""A caller who never wants to be called again: known in ten languages, put on the list, confirmed, let go."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from media.conversation.opt_out import OptOut, opt_out_confirmation
from media.conversation.opt_out_phrases import OPT_OUTS
from media.conversation.settings import ConversationSettings
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import World, play, says

SAMPLES = Path(__file__).parents[2] / "samples" / "opt_out"
CONFIRMATION = OPT_OUTS["en"].confirmation


def lines(name: str) -> list[tuple[str, str]]:
    entries = (line.split("|", 1) for line in (SAMPLES / f"{name}.txt").read_text().splitlines())
    return [(language, text) for language, text in entries]


@pytest.mark.parametrize(("language", "text"), lines("asked"))
def test_a_request_is_known_and_confirmed_in_its_language(language: str, text: str) -> None:
    assert opt_out_confirmation(text) == OPT_OUTS[language].confirmation


@pytest.mark.parametrize(("language", "text"), lines("not_asked"))
def test_what_only_sounds_like_one_is_none(language: str, text: str) -> None:
    assert opt_out_confirmation(text) is None


def test_the_sets_hold_every_language() -> None:
    languages = {"en", "nl", "de", "fr", "es", "it", "pt", "pl", "ru", "ja"}
    assert set(OPT_OUTS) == languages
    assert {language for language, _ in lines("asked")} == {language for language, _ in lines("not_asked")} == languages


# in a call


def called(*said: Any, opt_out: OptOut | None = None, **changes: Any) -> tuple[World, list[float]]:
    """A world in which the number is put on a list; and when that happened."""
    listed: list[float] = []

    async def forbid() -> None:
        await asyncio.sleep(0.05)
        listed.append(asyncio.get_running_loop().time())

    settings = ConversationSettings(first_message="Hello.", **changes.pop("settings", {}))
    world = World(timeline=said, settings=settings, answers=["Good."], hangs_up_at=40.0, **changes)
    world.make_opt_out = lambda: opt_out or OptOut(forbid)
    return world, listed


def test_the_number_is_listed_and_the_call_ends_after_a_sentence() -> None:
    world, listed = called(says(2.0, "please stop calling me"))
    play(world)
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert world.said()[1:] == [("user", "please stop calling me"), ("assistant", CONFIRMATION)]
    assert len(listed) == 1
    # an answer that was being prepared is never heard
    assert world.outcome.error is None


def test_it_counts_when_it_is_said_over_the_agent() -> None:
    world, listed = called(says(0.2, "remove me from your list", 1.0), settings={"end_call_message": "Bye."})
    play(world)
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert len(listed) == 1


def test_it_counts_as_the_first_words_of_who_answers() -> None:
    world, listed = called(says(0.3, "stop calling me", 1.0), settings={"voicemail_detection": True})
    play(world)
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert world.said() == [("user", "stop calling me"), ("assistant", CONFIRMATION)]
    assert len(listed) == 1


def test_a_caller_who_hangs_up_at_once_is_listed_all_the_same() -> None:
    world, listed = called(says(2.0, "please stop calling me"))
    world.hangs_up_at = 3.75
    play(world)
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert len(listed) == 1


def test_a_list_that_cannot_be_reached_is_tried_again_and_then_told() -> None:
    attempts: list[float] = []

    async def fail() -> None:
        attempts.append(asyncio.get_running_loop().time())
        raise ConnectionError("no table")

    async def fail_twice() -> None:
        attempts.append(0.0)
        if len(attempts) < 3:
            raise ConnectionError("no table")

    async def mend() -> OptOut:
        opt_out = OptOut(fail_twice)
        opt_out.asked("stop calling me")
        await opt_out.settled()
        return opt_out

    assert asyncio.run(mend()).error is None
    attempts.clear()
    world, _ = called(says(2.0, "please stop calling me"))
    world.make_opt_out = lambda: OptOut(fail)
    play(world)
    assert len(attempts) == 4
    assert world.outcome.end_reason is EndReason.OPT_OUT
    assert world.outcome.error == "the number could not be put on the do-not-call list"


def test_a_list_that_hangs_does_not_keep_the_call() -> None:
    async def hang() -> None:
        await asyncio.sleep(1e6)

    world, _ = called(says(2.0, "please stop calling me"))
    world.make_opt_out = lambda: OptOut(hang)
    assert play(world).outcome.end_reason is EndReason.OPT_OUT


def test_on_an_inbound_call_it_is_answered_like_anything_else() -> None:
    world = play(World(timeline=[says(2.0, "stop calling me")], answers=["Good."]))
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert ("assistant", "Good.") in world.said()
