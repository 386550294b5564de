"""What each operation asks of the table: every one of the OpenAPI document, with its variants, in this process on moto.

The same requests as on the deployed platform; `tests/component/requests` holds them to the budget one by one.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from bench.table import Row
from infra.paths import REPOSITORY, SHARED_LAYER


def measure() -> list[dict[str, Any]]:
    """The requests of each case, in a process of their own: it takes moto for AWS."""
    from tests.component.requests.routes import cases  # noqa: PLC0415
    from tests.component.requests.scene import furnished  # noqa: PLC0415

    found = []
    with furnished() as scene:
        for case in cases():
            path, body = case.request(scene)
            status, seen = scene.counted(case.method, path, body, **case.headers)
            if status != case.status:
                raise RuntimeError(f"{case} said {status}")
            found.append({"route": str(case), "reads": case.method == "GET", "requests": seen.own})
    return found


def run(tell: Callable[[str], None]) -> list[Row]:
    """The rows of this file, and the list behind them."""
    command = [sys.executable, "-m", "bench.counts"]
    path = {"PYTHONPATH": f"{REPOSITORY}:{SHARED_LAYER / 'python'}", "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, cwd=REPOSITORY, env=path, stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    for route in found:
        tell(f"  {route['route']:60}{route['requests']:4d} requests")
    return [
        _worst("table_requests_read_max", [route for route in found if route["reads"]]),
        _worst("table_requests_write_max", [route for route in found if not route["reads"]]),
    ]


def _worst(name: str, found: list[dict[str, Any]]) -> Row:
    worst = max(found, key=lambda route: route["requests"])
    return Row(name, worst["requests"], note=f"worst of {len(found)} requests: {worst['route']}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
