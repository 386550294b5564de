"""The budget table: rows, their limits, how they are printed and written."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Bound = Literal["max", "min"]


@dataclass(frozen=True)
class Budget:
    """A limit for a figure: `max` means not above, `min` not below."""

    unit: str
    limit: float
    bound: Bound = "max"


BUDGETS: dict[str, Budget] = {
    "overhead_p50_ms": Budget("ms", 30),
    "overhead_p95_ms": Budget("ms", 60),
    "barge_in_p95_ms": Budget("ms", 100),
    "calls_per_core": Budget("calls", 40, "min"),
    "calls_per_core_over_peer": Budget("ratio", 3, "min"),
    "memory_per_call_mb": Budget("MB", 15),
    "handler_p95_ms": Budget("ms", 15),
    "table_requests_read_max": Budget("requests", 2),
    "table_requests_write_max": Budget("requests", 3),
    "offset_cost_ratio": Budget("ratio", 1.1),
    "webhook_first_attempt_p95_ms": Budget("ms", 1000),
    "campaign_pacing_error_pct": Budget("%", 5),
    "campaign_wrong_dials": Budget("dials", 0),
    "campaign_requests_per_dial": Budget("requests", 16),
    "campaign_dial_cost_ratio": Budget("ratio", 1.1),
    "campaign_dial_own_ratio": Budget("ratio", 1.25),
    "campaign_transitions_per_lead": Budget("states", 0.3),
    "import_100k_own_s": Budget("s", 120),
    "import_requests_per_lead": Budget("requests", 0.05),
    "import_fullest_partition_pct": Budget("%", 5),
    "lost_reports": Budget("reports", 0),
    "warm_start_s": Budget("s", 20),
    "cold_import_ms": Budget("ms", 600),
}


@dataclass(frozen=True)
class Row:
    """One measured figure; `peer` is the same figure of the peer in the same run, None where there is none."""

    name: str
    value: float
    peer: float | None = None
    note: str = ""

    @property
    def within(self) -> bool:
        """Whether the figure keeps its budget."""
        budget = BUDGETS[self.name]
        return self.value <= budget.limit if budget.bound == "max" else self.value >= budget.limit


def write(rows: list[Row], file: Path) -> None:
    """Write the rows as JSON: a list of name, value, unit, budget, within, peer."""
    entries = []
    for row in rows:
        budget = BUDGETS[row.name]
        fields = asdict(row) | {"unit": budget.unit, "budget": budget.limit, "within": row.within}
        entries.append({key: fields[key] for key in ("name", "value", "unit", "budget", "within", "peer", "note")})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(entries, indent=2) + "\n")


def render(rows: list[Row]) -> str:
    """The rows as an aligned text table."""
    lines = [f"{'name':32}{'value':>10} {'unit':9}{'budget':>9}  {'within':7}{'peer':>9}  note"]
    for row in rows:
        budget = BUDGETS[row.name]
        sign = "<=" if budget.bound == "max" else ">="
        peer = "" if row.peer is None else f"{row.peer:.2f}"
        kept = "yes" if row.within else "NO"
        limit = f"{sign}{budget.limit:g}"
        lines.append(
            f"{row.name:32}{row.value:>10.2f} {budget.unit:9}{limit:>9}  {kept:7}{peer:>9}  {row.note}".rstrip()
        )
    return "\n".join(lines)
