"""How many processes a function may have at once: as many as the machine can use, the rest of a burst waits its turn.

The emulator starts one for every request that finds none free. Fifty requests at once then start fifty interpreters,
which on two processors take longer than the API's time limit, and none of them is answered.
"""

import os
import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

_MOST = max(4, 2 * (os.cpu_count() or 1))
_LOOK_AGAIN_SECONDS = 0.25


def apply() -> None:
    """Wait for a free process where the emulator would start one more. No function of ours waits for itself."""
    lease, give_back = lambda_runtime.acquire_worker, lambda_runtime.release_worker
    freed = threading.Condition()

    def lease_or_wait(*arguments: Any, **options: Any) -> tuple[Any, str]:
        options.setdefault("max_concurrency", _MOST)
        while True:
            worker, reason = lease(*arguments, **options)
            if worker is not None:
                return worker, reason
            with freed:
                freed.wait(_LOOK_AGAIN_SECONDS)

    def give_back_and_tell(worker: Any) -> None:
        give_back(worker)
        with freed:
            freed.notify()

    for module in (lambda_runtime, lambda_svc):
        module.acquire_worker, module.release_worker = lease_or_wait, give_back_and_tell
