"""`make bench`, or `python -m bench handlers density`: measures, prints the table, writes `.sovereign/bench.json`."""

import argparse
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence

from bench.table import Row, render, write
from infra.paths import STATE

Tell = Callable[[str], None]
OUTPUT = STATE / "bench.json"


def tell(line: str) -> None:
    """Show progress."""
    print(line, flush=True)


def _platform() -> list[Row]:
    """What needs the deployed platform, on one of them."""
    from bench import cold, handlers, webhooks  # noqa: PLC0415 - a section imports what it needs
    from bench.embedded import running_platform  # noqa: PLC0415

    rows: list[Row] = []
    with running_platform() as platform:
        for measure in (handlers.run, cold.run, webhooks.run):
            rows += _guarded(measure.__module__, lambda measure=measure: measure(platform, tell))  # type: ignore[misc]
    return rows


def _requests() -> list[Row]:
    from bench import counts  # noqa: PLC0415

    return counts.run(tell)


def _paging() -> list[Row]:
    from bench import paging  # noqa: PLC0415

    return paging.run(tell)


def _campaigns() -> list[Row]:
    from bench import campaigns  # noqa: PLC0415

    return campaigns.run(tell)


def _reports() -> list[Row]:
    from bench import reports  # noqa: PLC0415

    return reports.run(tell)


def _warm_start() -> list[Row]:
    from bench import warm_start  # noqa: PLC0415

    return warm_start.run(tell)


def _latency() -> list[Row]:
    from bench import latency, peer_environment  # noqa: PLC0415

    _require("sipp", "taskset")
    peer_environment.prepare(tell)
    return latency.run(tell)


def _density() -> list[Row]:
    from bench import density, peer_environment  # noqa: PLC0415

    _require("sipp", "taskset")
    peer_environment.prepare(tell)
    return density.run(tell)


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} is not installed: apt-get install sip-tester util-linux")


SECTIONS: dict[str, Callable[[], list[Row]]] = {
    "platform": _platform,
    "requests": _requests,
    "paging": _paging,
    "campaigns": _campaigns,
    "reports": _reports,
    "warm_start": _warm_start,
    "latency": _latency,
    "density": _density,
}
failed: list[str] = []


def _guarded(name: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """A section's rows; one that fails is told and leaves its rows out, the others still run."""
    tell(f"\n{name}")
    try:
        return measure()
    except Exception:  # noqa: BLE001 - whatever went wrong, the next section is measured all the same
        traceback.print_exc()
        failed.append(name)
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 1 when a section failed or a budget is not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the budgets are about.")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all of them unless named")
    chosen = parser.parse_args(arguments).sections or [*SECTIONS]
    if (load := os.getloadavg()[0]) > 0.5:
        tell(f"other work is going on here (load {load:.1f}): figures in milliseconds will be too high")
    rows = [row for name in chosen for row in _guarded(name, SECTIONS[name])]
    write(rows, OUTPUT)
    tell(f"\n{render(rows)}\n\nwritten to {OUTPUT}")
    for name in failed:
        tell(f"FAILED: {name} (above); its rows are missing")
    return 1 if failed or not all(row.within for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
