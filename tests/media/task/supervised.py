"""The container's supervisor over two small children that do what their orders say: `supervised.py ORDER ORDER`.

Orders: `drain` (until SIGTERM, then half a second), `die` (at once, by SIGKILL), `misconfigured` (its exit code).
Every line says which process speaks and what it does.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from media import supervisor
from media.main import supervise
from media.settings import MediaEnvironment


def child(order: str) -> int:
    print(f"{order} started {os.getpid()}", flush=True)
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "misconfigured":
        return supervisor.EXIT_CONFIGURATION
    # waited for, not handled: a handler that sets an Event its own thread waits for may find that Event's lock taken
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print(f"{order} ready", flush=True)
    signal.sigwait({signal.SIGTERM})
    print(f"{order} draining", flush=True)
    time.sleep(0.5)
    print(f"{order} finished", flush=True)
    return 0


async def spawn(index: int) -> supervisor.Child:
    return await asyncio.create_subprocess_exec(sys.executable, __file__, "child", sys.argv[1 + index])


def main() -> int:
    if sys.argv[1] == "child":
        return child(sys.argv[2])
    supervisor.FIRST_PAUSE_SECONDS = 0.2
    environment = MediaEnvironment(
        stage="dev",
        table_name="t",
        kms_key_id="k",
        secret_prefix="p",
        control_secret_id="c",
        model_cache=Path("/models"),
        media_processes=2,
    )
    return asyncio.run(supervise(environment, spawn))


if __name__ == "__main__":
    sys.exit(main())
