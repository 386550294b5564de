"""From a committed fact to its first attempt at the customer's endpoint, over the deployed stream, bus and queue.

Every fact waits for its predecessor's delivery, so that what is measured is the way and not the order.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import Any

import httpx
import numpy as np

from bench.embedded import HOME, BenchPlatform
from bench.table import Row
from infra.embedded.local_file import LocalPlatform, read_local

CALLS, WARM_UP = 20, 2
PORT = 23580
PATIENCE_SECONDS = 60.0
ASSISTANT = {
    "llm_config": {"provider": "local", "model": "intents"},
    "stt_config": {"provider": "local", "model": "moonshine-base-en", "language": "en"},
    "tts_config": {"provider": "local", "voice_id": "heart"},
}
Arrival = tuple[float, str, str]
"""When (monotonic), which call, which status."""


@contextmanager
def endpoint() -> Iterator[SimpleQueue[Arrival]]:
    """A webhook endpoint that notes what arrives when."""
    arrivals: SimpleQueue[Arrival] = SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.monotonic()
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["message"]
            self.send_response(204)
            self.end_headers()
            arrivals.put((at, message["call"]["id"], message["call"]["status"]))

        def log_message(self, *_: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield arrivals
    finally:
        server.shutdown()
        thread.join()


def measure() -> list[float]:
    """Seconds of each fact's way; runs where the functions' environment is."""
    from sovereign.assistants.effective import transient  # noqa: PLC0415 - reads the environment
    from sovereign.calls.model import CallOutcome, EndReason, NewCall  # noqa: PLC0415
    from sovereign.calls.store import CallStore  # noqa: PLC0415
    from sovereign.kernel.encryption import default_cipher  # noqa: PLC0415
    from sovereign.kernel.ids import new_call_id  # noqa: PLC0415
    from sovereign.kernel.settings import Environment, read_environment  # noqa: PLC0415
    from sovereign.kernel.table import Table  # noqa: PLC0415

    class Name(Environment):
        """TABLE_NAME."""

        table_name: str

    local = read_local(HOME / "local.json")
    assert local is not None
    cipher = default_cipher()
    store = CallStore(Table(read_environment(Name).table_name), cipher=cipher)

    def frozen(call_id: str) -> Mapping[str, Any]:
        return transient(ASSISTANT).freeze(cipher, org_id=local.organization_id, call_id=call_id)

    _subscribe(local)
    waits: list[float] = []
    with endpoint() as arrivals:
        for _ in range(CALLS):
            call_id = new_call_id("inbound")
            new = NewCall(org_id=local.organization_id, call_id=call_id, direction="inbound", ringing=True)
            ref = store.starts.create(new, node_id="bench", frozen_assistant=frozen(call_id)).ref
            waits.append(_wait(arrivals, call_id, "ringing"))
            store.lifecycle.mark_answered(ref)
            waits.append(_wait(arrivals, call_id, "in-progress"))
            store.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
            waits.append(_wait(arrivals, call_id, "ended"))
    return waits[3 * WARM_UP :]


def _subscribe(local: LocalPlatform) -> None:
    webhook = {"webhook_url": f"http://127.0.0.1:{PORT}/", "webhook_events": ["status-update"]}
    headers = {"Authorization": f"Bearer {local.load_api_key}"}
    httpx.patch(f"{local.api_url}/organizations", json=webhook, headers=headers, trust_env=False).raise_for_status()


def _wait(arrivals: SimpleQueue[Arrival], call_id: str, status: str) -> float:
    """Seconds from now, right after the commit, to the first attempt; and a moment more, until it is recorded."""
    committed = time.monotonic()
    while True:
        try:
            at, arrived, told = arrivals.get(timeout=PATIENCE_SECONDS)
        except Empty:
            raise RuntimeError(f"the fact {status} was not delivered within {PATIENCE_SECONDS:.0f} s") from None
        if (arrived, told) == (call_id, status):
            time.sleep(0.3)
            return max(0.0, at - committed)


def run(platform: BenchPlatform, tell: Callable[[str], None]) -> list[Row]:
    """The row of this file."""
    waits = [seconds * 1000 for seconds in platform.measure("bench.webhooks")]
    tell(f"  {len(waits)} facts: {min(waits):.0f} … {np.median(waits):.0f} … {max(waits):.0f} ms")
    return [Row("webhook_first_attempt_p95_ms", float(np.percentile(waits, 95)), note=f"{len(waits)} facts")]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
