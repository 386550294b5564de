"""Waiting for what happens elsewhere."""

import time
from collections.abc import Callable


def wait_until(is_so: Callable[[], object], seconds: float) -> None:
    """Return once it is so; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.2)
