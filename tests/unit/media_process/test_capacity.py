"""Slots are taken in one step, and always given back once."""

import asyncio

import pytest

from media.capacity import Capacity


async def test_reserve_takes_up_to_the_limit() -> None:
    capacity = Capacity(2)
    first, second = capacity.reserve(), capacity.reserve()
    assert first
    assert second
    assert capacity.reserve() is None
    first.release()
    first.release()
    assert capacity.active == 1
    assert capacity.reserve()


async def test_slot_is_released_when_its_block_raises() -> None:
    capacity = Capacity(1)
    slot = capacity.reserve()
    assert slot
    with pytest.raises(ValueError, match="x"), slot:
        raise ValueError("x")
    assert capacity.active == 0


async def test_pause_is_lifted_and_drain_is_not() -> None:
    capacity = Capacity(1)
    capacity.pause()
    assert capacity.reserve() is None
    capacity.resume()
    assert capacity.accepting
    capacity.drain()
    capacity.resume()
    assert capacity.reserve() is None
    assert capacity.draining


async def test_idle_waits_for_the_last_call() -> None:
    capacity = Capacity(1)
    slot = capacity.reserve()
    assert slot
    waiting = asyncio.create_task(capacity.idle())
    await asyncio.sleep(0)
    assert not waiting.done()
    slot.release()
    await waiting


def test_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Capacity(0)


async def test_busy_waits_for_a_call_and_again_when_the_last_is_gone() -> None:
    capacity = Capacity(2)
    waiting = asyncio.create_task(capacity.busy())
    await asyncio.sleep(0)
    assert not waiting.done()
    first, second = capacity.reserve(), capacity.reserve()
    await waiting
    assert first
    assert second
    first.release()
    async with asyncio.timeout(1):
        await capacity.busy()
    second.release()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await capacity.busy()
