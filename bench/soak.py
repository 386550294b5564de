"""`make soak`, or `python -m bench.soak paging campaign`: the long ones, seeded, reported in docs/soak/<date>.json."""

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from bench import campaigns, hostile, long_call, paging_soak
from infra.paths import REPOSITORY
from tests.e2e.platform_process import running_stage
from tests.e2e.second_node import lose_a_call
from tests.e2e.stage import Stage
from tests.e2e.test_campaigns import check_campaign

LEADS = 200
NODE_LOST_WITHIN_SECONDS = 180
PARALLEL, ROUNDS = 50, 5
REPORTS = REPOSITORY / "docs" / "soak"
Figures = dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What a run is asked for; `folder` is its own and goes afterwards."""

    folder: Path
    seed: int = 1
    campaigns: int = campaigns.SOAKED
    call_seconds: int = long_call.SECONDS


Work = Callable[[Given], Figures]


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


def on_stage(work: Callable[[Stage, Given], Figures]) -> Work:
    """The work on a platform of its own: what one run leaves broken, the next does not meet."""

    def run(given: Given) -> Figures:
        with running_stage(given.folder / "home") as stage:
            return work(stage, given)

    return run


SECTIONS: dict[str, Work] = {
    "paging": lambda given: paging_soak.soak(given.seed),
    "campaigns": lambda given: campaigns.soak(given.campaigns),
    "campaign": on_stage(lambda stage, given: check_campaign(stage, given.folder / "phones", leads=LEADS)),
    "parallel_creates": on_stage(lambda stage, given: parallel_creates(stage, given.seed)),
    "fuzz": on_stage(lambda stage, given: hostile.fuzz(stage, given.folder / "fuzz", given.seed)),
    "killed_node": on_stage(lambda stage, given: killed_node(stage, given.folder / "node")),
    "long_call": on_stage(lambda stage, given: long_call.run(stage, given.folder / "call", given.call_seconds)),
}
LEFT_OUT_WHEN_QUICK = frozenset({"long_call"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 1 when something failed, which the report says; 2 for arguments that make no sense."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="The long runs.")
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all unless named")
    parser.add_argument("--quick", action="store_true", help="leave the call of half an hour out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--call-seconds", type=_some, default=long_call.SECONDS, help="length of the long call")
    parser.add_argument("--campaigns", type=_some, default=campaigns.SOAKED, help="simulated campaigns")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        parser.error(f"no such section: {', '.join(unknown)}")
    chosen = [name for name in given.sections or SECTIONS if name not in LEFT_OUT_WHEN_QUICK or not given.quick]
    file = REPORTS / f"{datetime.now(UTC):%Y-%m-%d}.json"
    if not given.sections:
        file.unlink(missing_ok=True)
    passed = True
    for name in dict.fromkeys(chosen):
        figures = _ran(name, given)
        passed = passed and figures["passed"]
        # at once, beside what the day's report has of the others: those may be running now, or be run alone
        _write(file, _runs_in(file) | {name: figures})
    return 0 if passed else 1


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _ran(name: str, given: argparse.Namespace) -> Figures:
    print(f"{name} …", flush=True)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            asked = Given(Path(folder), given.seed, given.campaigns, given.call_seconds)
            figures = {"passed": True, **SECTIONS[name](asked)}
    except Exception as failure:  # noqa: BLE001 - a failed run is reported, and the others go on
        traceback.print_exc()
        figures = {"passed": False, "failure": f"{type(failure).__name__}: {failure}"[:500]}
    figures |= {"seed": given.seed, "took_s": round(time.monotonic() - began, 1)}
    print(f"  {json.dumps(figures)}", flush=True)
    return figures


def _runs_in(file: Path) -> dict[str, Figures]:
    if not file.exists():
        return {}
    runs: dict[str, Figures] = json.loads(file.read_text())["runs"]
    return runs


def _write(file: Path, runs: dict[str, Figures]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    file.write_text(json.dumps({"at": at, "runs": runs}, indent=2) + "\n")
    print(f"written to {file}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
