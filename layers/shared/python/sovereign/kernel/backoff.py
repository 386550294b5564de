"""Waiting between optimistic attempts, with full jitter so that rivals drift apart."""

import random
import time


def pause(attempt: int, *, base_seconds: float = 0.01, most_seconds: float = 0.25) -> None:
    """Sleep a random time up to `base_seconds * 2**attempt`, at most `most_seconds`; nothing for attempt 0."""
    if attempt:
        time.sleep(random.uniform(0, min(most_seconds, base_seconds * 2**attempt)))  # noqa: S311 - jitter, not a secret
