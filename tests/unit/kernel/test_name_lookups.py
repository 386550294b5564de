"""Look-ups of names whose servers do not answer: who waits, for how long, and who does not notice."""

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import httpx
import pytest

from sovereign.destinations import check_sip_target, sip_uris
from sovereign.kernel import egress, name_lookups
from sovereign.kernel.errors import DestinationNotAllowedError
from sovereign.kernel.name_lookups import LookUpRefusedError, NameLookUps

LATEST = 10.0
"""Seconds after which a name server that is silent is heard of all the same, so that no failure hangs."""


@pytest.fixture
def silence() -> Iterator[Event]:
    """What a silent name server waits for; it answers when the test is over."""
    over = Event()
    yield over
    over.set()


@pytest.fixture
def silent_resolver(silence: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_: Any, **__: Any) -> Any:
        silence.wait(LATEST)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", wait)


def test_name_that_is_not_answered_is_given_up_in_time(silence: Event) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        NameLookUps().wait_for("a.example", lambda: silence.wait(LATEST), 0.05)
    assert time.monotonic() - began < LATEST / 2


def test_domain_that_does_not_answer_has_its_share_and_no_other_waits_for_it(silence: Event) -> None:
    names = NameLookUps(threads=3, share=2)
    with ThreadPoolExecutor(6) as callers:
        waiting = [
            callers.submit(names.wait_for, f"{number}.Silent.example.", lambda: silence.wait(LATEST), 0.5)
            for number in range(6)
        ]
        assert names.wait_for("www.good.example", lambda: "found", LATEST / 2) == "found"
        assert all(isinstance(caller.exception(), TimeoutError) for caller in waiting)
    # nobody waits for those any more, so none of them is done later
    silence.set()
    asked: list[str] = []
    names.wait_for("last.silent.example", lambda: asked.append("last"), LATEST / 2)
    assert asked == ["last"]


def test_domain_whose_share_is_stuck_makes_nobody_else_wait(silence: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_lookups, "_STUCK_SECONDS", 0.0)
    names = NameLookUps(threads=3, share=1)
    with pytest.raises(TimeoutError):
        names.wait_for("a.silent.example", lambda: silence.wait(LATEST), 0.05)
    with pytest.raises(LookUpRefusedError):
        names.wait_for("b.silent.example", lambda: "found", LATEST)
    assert names.wait_for("b.good.test", lambda: "found", LATEST) == "found"


def test_more_than_may_wait_are_refused(silence: Event) -> None:
    names = NameLookUps(threads=1, share=1, most_waiting=1)
    began, first = Event(), ThreadPoolExecutor(2)

    def silent() -> None:
        began.set()
        silence.wait(LATEST)

    with first:
        first.submit(names.wait_for, "a.one.test", silent, LATEST)
        assert began.wait(LATEST)
        second = names._add("a.two.test", lambda: "found")
        with pytest.raises(LookUpRefusedError):
            names.wait_for("a.three.test", lambda: "found", LATEST)
        silence.set()
        assert second.result(LATEST) == "found"


def test_failure_of_a_look_up_reaches_who_waits_and_the_thread_goes_on() -> None:
    names = NameLookUps(threads=1)

    def fail() -> None:
        raise socket.gaierror

    with pytest.raises(socket.gaierror):
        names.wait_for("a.example", fail)
    assert asyncio.run(names.find("a.example", lambda: "found")) == "found"


@pytest.mark.usefixtures("silent_resolver")
def test_loop_neither_waits_for_a_silent_name_server_nor_lends_it_its_threads() -> None:
    async def ask() -> None:
        executor = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(executor)
        async with egress.async_client(timeout=0.2) as client:
            asking = asyncio.create_task(client.get("http://hook.loop-waits.test/"))
            await asyncio.sleep(0.05)
            await asyncio.to_thread(int)
            assert not asking.done()
            with pytest.raises(httpx.ConnectTimeout):
                await asking

    began = time.monotonic()
    asyncio.run(ask())
    assert time.monotonic() - began < LATEST / 2


@pytest.mark.usefixtures("silent_resolver")
def test_blocking_client_is_given_its_thread_back() -> None:
    began = time.monotonic()
    with egress.client(timeout=0.1) as client, pytest.raises(httpx.ConnectTimeout):
        client.get("http://hook.client-waits.test/")
    assert time.monotonic() - began < LATEST / 2


@pytest.mark.usefixtures("silent_resolver")
def test_sip_host_that_is_not_answered_for_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_uris, "LOOK_UP_SECONDS", 0.1)
    began = time.monotonic()
    with pytest.raises(DestinationNotAllowedError, match="does not resolve"):
        check_sip_target("sip:desk@pbx.sip-waits.test:5060")
    assert time.monotonic() - began < LATEST / 2
