"""Waiting between attempts, with jitter so that rivals drift apart."""

import random
import time


def pause(attempt: int, *, base_seconds: float = 0.01, most_seconds: float = 0.25) -> None:
    """Sleep a random time up to `base_seconds * 2**attempt`, at most `most_seconds`; nothing for attempt 0."""
    if attempt:
        time.sleep(random.uniform(0, min(most_seconds, base_seconds * 2**attempt)))  # noqa: S311 - jitter, not a secret


def chance() -> float:
    """From 0 to 1 at random: for waits that shall differ from a rival's."""
    return random.random()  # noqa: S311 - jitter, not a secret
