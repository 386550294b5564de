"""Metered calls in virtual time: minutes are paid for as they start, and the call ends before one is not."""

import asyncio
from collections.abc import Callable

import pytest

from media.conversation.settings import ConversationSettings
from sovereign.calls.model import EndReason
from tests.scenarios.conversation.world import World, play

WARNING = ConversationSettings().credits_warning


class Account:
    """Grants reservations up to `minutes` in all; remembers when it was asked for how many."""

    def __init__(self, minutes: int, *, fails: Callable[[float], bool] = lambda _: False) -> None:
        self.minutes = minutes
        self.asked: list[tuple[float, int]] = []
        self._fails = fails

    async def extend(self, minutes: int) -> bool:
        now = asyncio.get_running_loop().time()
        self.asked.append((round(now, 1), minutes))
        if self._fails(now):
            raise ConnectionError("no table")
        return minutes <= self.minutes


def called(account: Account | None, hangs_up_at: float) -> World:
    world = World(hangs_up_at=hangs_up_at, max_duration=3600.0)
    world.extend_credits = account.extend if account else None
    return play(world)


def test_each_started_minute_reserves_the_next_one() -> None:
    account = Account(10)
    world = called(account, hangs_up_at=200.0)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert account.asked == [(60.0, 3), (120.0, 4), (180.0, 5)]


def test_call_of_two_minutes_needs_no_more_than_its_first_reservation() -> None:
    account = Account(2)
    world = called(account, hangs_up_at=59.0)
    assert account.asked == []
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_used_up_minutes_are_announced_and_end_the_call_within_what_is_paid_for() -> None:
    account = Account(3)
    world = called(account, hangs_up_at=500.0)
    assert world.outcome.end_reason is EndReason.CREDITS_EXHAUSTED
    assert account.asked == [(60.0, 3), (120.0, 4), (150.0, 4)]
    assert world.starts(WARNING) == pytest.approx(150.0, abs=0.2)
    assert 175.0 < world.log.first("hang up") < 180.0
    assert ("assistant", WARNING) in world.said()


def test_minutes_added_before_the_warning_keep_the_call_going() -> None:
    account = Account(2)

    async def top_up(_: World) -> None:
        account.minutes = 10

    world = World(hangs_up_at=130.0, max_duration=3600.0, acts=[(80.0, top_up)])
    world.extend_credits = account.extend
    play(world)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert account.asked == [(60.0, 3), (90.0, 3), (120.0, 4)]
    assert WARNING not in world.synthesiser.spoken


def test_table_that_gives_no_answer_is_no_refusal() -> None:
    account = Account(3, fails=lambda now: now < 90.0)
    world = called(account, hangs_up_at=119.0)
    assert world.outcome.end_reason is EndReason.USER_HANGUP
    assert account.asked[-1] == (95.0, 3)  # every five seconds


def test_late_refusal_still_lets_the_warning_be_heard() -> None:
    account = Account(2, fails=lambda now: now < 119.0)
    world = called(account, hangs_up_at=500.0)
    assert world.outcome.end_reason is EndReason.CREDITS_EXHAUSTED
    spoken = len(WARNING) * 0.05
    assert world.log.first("hang up") > world.starts(WARNING) + spoken


def test_call_that_is_not_metered_has_no_watch() -> None:
    world = called(None, hangs_up_at=400.0)
    assert world.outcome.end_reason is EndReason.USER_HANGUP


def test_conversation_that_ends_by_itself_needs_no_warning() -> None:
    account = Account(2)

    async def end(world: World) -> None:
        await world.session.command({"type": "end-call", "message": None})

    world = World(hangs_up_at=500.0, max_duration=3600.0, acts=[(70.0, end)])
    world.extend_credits = account.extend
    play(world)
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert account.asked == [(60.0, 3)]


def test_goodbye_does_not_start_a_minute_nobody_paid_for() -> None:
    async def end(world: World) -> None:
        await world.session.command({"type": "end-call", "message": "We have to end this call now. " * 8})

    world = World(hangs_up_at=500.0, max_duration=3600.0, acts=[(115.0, end)])
    world.extend_credits = Account(2).extend
    play(world)
    assert world.outcome.end_reason is EndReason.CONTROL_END_CALL
    assert world.log.first("hang up") == pytest.approx(118.0, abs=0.2)
