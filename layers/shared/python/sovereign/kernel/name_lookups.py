"""Names that customers choose are looked up in threads of their own: how long that takes is for their name servers to
say, and a thread that waits for one can be given up, not interrupted.

Whoever waits is told so in time. The threads are daemons, which neither a loop nor the process waits for at its end,
and a domain that does not answer holds a share of them.
"""

import asyncio
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from threading import Condition, Thread
from typing import Any, Final, NamedTuple, TypeVar

__all__ = ["LOOK_UP_SECONDS", "LookUpRefusedError", "NameLookUps", "addresses_of", "look_ups"]

LOOK_UP_SECONDS: Final = 5.0
"""How long a name may take: what glibc gives a name server for its first answer."""
_STUCK_SECONDS: Final = 1.0
"""A domain whose share has been waiting for so long makes nobody else wait."""

Found = TypeVar("Found")


class LookUpRefusedError(OSError):
    """Nothing was asked: too many look-ups are waiting, or the domain's own share of them does not come to an end."""


class _LookUp(NamedTuple):
    domain: str
    function: Callable[[], Any]
    future: "Future[Any]"


class NameLookUps:
    """Some threads, started as they are needed; a domain has `share` of them at most."""

    def __init__(self, *, threads: int = 32, share: int = 4, most_waiting: int = 256) -> None:
        self._most_threads = threads
        self._share = share
        self._most_waiting = most_waiting
        self._changed = Condition()
        self._waiting: list[_LookUp] = []
        self._running: defaultdict[str, list[float]] = defaultdict(list)
        """When the look-ups of each domain began."""
        self._threads = self._idle = 0

    def wait_for(self, host: str, function: Callable[[], Found], seconds: float = LOOK_UP_SECONDS) -> Found:
        """What the function finds; it blocks, and asks for this host. Raises LookUpRefusedError, TimeoutError, and what
        it raises."""
        future = self._add(host, function)
        try:
            return future.result(seconds)
        finally:
            future.cancel()

    async def find(self, host: str, function: Callable[[], Found], seconds: float = LOOK_UP_SECONDS) -> Found:
        """As `wait_for`, for asyncio."""
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(self._add(host, function))

    def _add(self, host: str, function: Callable[[], Found]) -> "Future[Found]":
        look_up = _LookUp(_domain(host), function, Future())
        with self._changed:
            # those whose callers have gone
            self._waiting = [waiting for waiting in self._waiting if not waiting.future.cancelled()]
            if len(self._waiting) >= self._most_waiting or self._is_stuck(look_up.domain):
                raise LookUpRefusedError("too many names are being looked up")
            self._waiting.append(look_up)
            if len(self._waiting) > self._idle and self._threads < self._most_threads:
                self._threads += 1
                Thread(target=self._work, name="name-look-ups", daemon=True).start()
            self._changed.notify()
        return look_up.future

    def _is_stuck(self, domain: str) -> bool:
        began = self._running.get(domain, [])
        return len(began) >= self._share and max(began) < time.monotonic() - _STUCK_SECONDS

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                while (look_up := self._take()) is None:
                    self._changed.wait()
                self._idle -= 1
                began = time.monotonic()
                self._running[look_up.domain].append(began)
            _do(look_up)
            with self._changed:
                self._running[look_up.domain].remove(began)
                if not self._running[look_up.domain]:
                    del self._running[look_up.domain]

    def _take(self) -> _LookUp | None:
        """The next one whose domain has not its share already."""
        for look_up in list(self._waiting):
            if len(self._running.get(look_up.domain, [])) < self._share:
                self._waiting.remove(look_up)
                if look_up.future.set_running_or_notify_cancel():
                    return look_up
        return None


@cache
def look_ups() -> NameLookUps:
    """The process's."""
    return NameLookUps()


def addresses_of(host: str, port: int | None = None) -> list[str]:
    """The addresses of a name, in the system's order; it blocks for as long as that likes. Raises OSError."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError("not a host name") from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _do(look_up: _LookUp) -> None:
    try:
        found = look_up.function()
    except BaseException as failure:  # noqa: BLE001 - it is for the caller, and the thread goes on
        look_up.future.set_exception(failure)
    else:
        look_up.future.set_result(found)


def _domain(host: str) -> str:
    """What one customer has name servers for; a name below it costs nothing."""
    return ".".join(host.lower().rstrip(".").split(".")[-2:])
