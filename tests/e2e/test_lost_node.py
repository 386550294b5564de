"""A media node dies with a call on it. Started with the first test of this folder, looked at in the last."""

import time

import pytest

from tests.e2e.second_node import LostCall
from tests.e2e.stage import Stage, check_ended

TERMINAL_WITHIN_SECONDS = 180


@pytest.mark.timeout(300)
def test_a_killed_nodes_call_is_terminal_within_three_minutes(stage: Stage, lost_call: LostCall) -> None:
    left = TERMINAL_WITHIN_SECONDS - (time.monotonic() - lost_call.killed_at)
    call = check_ended(stage, lost_call.call_id, "ended-with-error", "node_lost", seconds=max(left, 1))
    assert call["started_at"] is not None
    usage = stage.usage_of(call["id"])
    assert usage, "billed to the last heartbeat"
    assert usage["duration_sec"] == call["duration_seconds"] <= lost_call.lived_seconds + 10
