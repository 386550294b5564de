"""`make soak`: the long ones, seeded, reported in docs/soak/<date>.json. `--quick` leaves the long call out."""

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import campaigns, hostile
from bench.paging import ORGANIZATION, TABLE, loaded_table
from infra.paths import REPOSITORY
from tests.e2e.phones import calling, talk
from tests.e2e.platform_process import running_stage
from tests.e2e.second_node import lose_a_call
from tests.e2e.stage import Stage
from tests.e2e.test_campaigns import check_campaign

ROWS, PAGES = 100_000, 12
LEADS = 200
LONG_CALL_SECONDS = 1800
NODE_LOST_WITHIN_SECONDS = 180
PARALLEL, ROUNDS = 50, 5
REPORTS = REPOSITORY / "docs" / "soak"
Figures = dict[str, Any]


def paging(seed: int) -> Figures:
    """Random pages of a hundred thousand calls, filtered and not, against what was put in."""
    from sovereign.calls.store import CallFilters, CallStore  # noqa: PLC0415 - its client is made inside the mock
    from sovereign.kernel.numbered_rows import TimeRange  # noqa: PLC0415
    from sovereign.kernel.table import Table  # noqa: PLC0415

    chance = random.Random(seed)
    with loaded_table(ROWS, seed) as past:
        newest, store = past.calls[::-1], CallStore(Table(TABLE))
        for _ in range(PAGES):
            status = chance.choice([None, None, *{call.status for call in newest}])
            agent = chance.choice([None, "agent-a", "agent-b"])
            start, end = sorted(chance.choice(newest).created_at for _ in range(2))
            bounds = chance.choice([TimeRange(), TimeRange(start, None), TimeRange(start, end)])
            right = [
                call.ref.call_id
                for call in newest
                if (status is None or call.status is status)
                and (agent is None or call.agent_id == agent)
                and (bounds.start is None or call.created_at >= bounds.start)
                and (bounds.end is None or call.created_at <= bounds.end)
            ]
            offset = chance.randrange(max(1, len(right)))
            filters = CallFilters(status=status, agent_id=agent, made=bounds)
            page = store.page(ORGANIZATION, offset=offset, limit=50, filters=filters)
            assert page.total == len(right), (filters, page.total, len(right))
            assert [call.ref.call_id for call in page.calls] == right[offset : offset + 50], filters
    return {"calls": ROWS, "pages": PAGES}


def parallel_creates(stage: Stage, seed: int) -> Figures:
    """Fifty requests with one idempotency key make one object, round after round; none is refused but as in flight."""
    chance, refused = random.Random(seed), 0
    for number in range(ROUNDS):
        key, name = str(UUID(int=chance.getrandbits(128))), f"Soak {seed} {number}"

        def create(_: int, key: str = key, name: str = name) -> tuple[int, str | None]:
            answer = stage.api.post("/assistants", json={"name": name}, headers={"Idempotency-Key": key})
            return answer.status_code, answer.json().get("assistant", {}).get("id")

        with ThreadPoolExecutor(PARALLEL) as pool:
            answers = [*pool.map(create, range(PARALLEL))]
        assert {status for status, _ in answers} <= {201, 409}, answers
        assert len({made for _, made in answers if made}) == 1, answers
        named = [entry for entry in stage.get("/assistants")["assistants"] if entry["name"] == name]
        assert len(named) == 1, named
        refused += sum(status == 409 for status, _ in answers)
    return {"rounds": ROUNDS, "requests": ROUNDS * PARALLEL, "told_in_flight": refused}


def killed_node(stage: Stage, folder: Path) -> Figures:
    """A node killed in a call: the call ends `node_lost` within three minutes."""
    lost = lose_a_call(stage, folder)
    call = stage.over(lost.call_id, seconds=NODE_LOST_WITHIN_SECONDS)
    assert (call["status"], call["end_reason"]) == ("ended-with-error", "node_lost"), call["end_reason"]
    return {"terminal_after_s": round(time.monotonic() - lost.killed_at, 1)}


def long_call(stage: Stage, folder: Path) -> Figures:
    """Half an hour of questions; every packet of the agent's stream comes, the agent answers to the end."""
    said: list[float | str] = [3.0]
    for question in range(LONG_CALL_SECONDS // 15):
        said += ["price_checkup" if question % 2 else "hello_hours", 11.5]
    assistant = stage.assistant(max_duration_seconds=LONG_CALL_SECONDS + 120)
    number = stage.number(assistant=assistant["id"])
    scenario = talk(folder, *said, seconds=LONG_CALL_SECONDS, we_hang_up=True)
    with calling(stage, scenario, folder, service=number["phone_number"], timeout=LONG_CALL_SECONDS + 120) as phone:
        verdict = phone.process.wait(LONG_CALL_SECONDS + 120)
        gaps = [later.seen_at - earlier.seen_at for earlier, later in pairwise(phone.heard().packets)]
    call = stage.over(stage.call_of(phone.number)["id"], seconds=60)
    assert verdict == 0, phone.process.messages()
    assert (call["status"], call["end_reason"]) == ("ended", "user_hangup"), call["end_reason"]
    answers = [message for message in call["messages"] if message["role"] == "assistant"]
    assert len(answers) > len(said) // 2 * 0.9, f"{len(answers)} answers to {len(said) // 2} questions"
    return {
        "duration_s": call["duration_seconds"],
        "answers": len(answers),
        "questions": len(said) // 2,
        "longest_gap_ms": round(max(gaps) * 1000),
        "latency": (call["latency"] or {}).get("summary"),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 1 when something failed; the report says what."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="The long runs.")
    parser.add_argument("--quick", action="store_true", help="leave the 30-minute call out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--campaigns", type=int, default=campaigns.SOAKED, help="simulated campaigns")
    given = parser.parse_args(arguments)
    report: dict[str, Figures] = {"paging": _ran("paging", lambda: paging(given.seed))}
    report["campaigns"] = _ran("campaigns", lambda: campaigns.soak(range(given.campaigns)))
    with tempfile.TemporaryDirectory() as name, running_stage(Path(name) / "home") as stage:
        report["campaign"] = _ran("campaign", lambda: check_campaign(stage, Path(name) / "phones", leads=LEADS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_stage(folder / "home") as stage:
            report["parallel_creates"] = _ran("parallel creates", lambda: parallel_creates(stage, given.seed))
            report["fuzz"] = _ran("fuzz", lambda: hostile.fuzz(stage, folder / "fuzz", given.seed))
            report["killed_node"] = _ran("killed node", lambda: killed_node(stage, folder / "node"))
            if not given.quick:
                report["long_call"] = _ran("long call", lambda: long_call(stage, folder / "call"))
    _write(report, given.seed)
    return 0 if all(figures["passed"] for figures in report.values()) else 1


def _ran(name: str, work: Callable[[], Figures]) -> Figures:
    print(f"{name} …", flush=True)
    began = time.monotonic()
    try:
        figures = {"passed": True, **work()}
    except Exception as failure:  # noqa: BLE001 - a failed run is reported, and the others go on
        traceback.print_exc()
        figures = {"passed": False, "failure": f"{type(failure).__name__}: {failure}"[:500]}
    figures["took_s"] = round(time.monotonic() - began, 1)
    print(f"  {json.dumps(figures)}", flush=True)
    return figures


def _write(report: dict[str, Figures], seed: int) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    file = REPORTS / f"{now:%Y-%m-%d}.json"
    file.write_text(json.dumps({"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "seed": seed, "runs": report}, indent=2) + "\n")
    print(f"written to {file}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
