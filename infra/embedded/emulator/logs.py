"""Log lines of a function: all of them, without the emulator's fixed wait.

The emulator guesses when a function has finished logging: 50 ms without a line for each call, and lines that come
later are lost. Instead the worker ends each invocation with a mark on the same stream, and the reader waits for it.
"""

import queue
import time
from typing import Any

from ministack.core import lambda_runtime

_END = "\x1eend-of-invocation"
_LONGEST_WAIT = 2.0
"""Seconds to wait for the mark of a worker that died before it could write one."""
_ANSWERS = (
    '            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")',
    (
        '            _real_stdout.write(json.dumps({"status": "error", "error": str(e), '
        '"trace": traceback.format_exc()}) + "\\n")'
    ),
)


def apply() -> None:
    """Write the mark before each answer, read up to it after."""
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    mark = f'            sys.stderr.write("\\n" + {_END!r} + "\\n"); sys.stderr.flush()\n'
    for answer in _ANSWERS:
        if answer not in script:
            raise RuntimeError("this ministack's worker script is not the one the wrapper knows: 1.5.33 is pinned")
        script = script.replace(answer, mark + answer)
    lambda_runtime._PYTHON_WORKER_SCRIPT = script
    lambda_runtime.Worker._drain_stderr_bounded = _read_to_mark


def _read_to_mark(worker: Any, **_: float) -> str:
    """Every line of this invocation; blank lines are what puts the mark on a line of its own."""
    lines: list[str] = []
    deadline = time.monotonic() + _LONGEST_WAIT
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = worker._stderr_queue.get(timeout=min(left, 0.05))
        except queue.Empty:
            if worker._proc is None and not worker._stderr_thread.is_alive():
                break  # the worker is gone and has said its last
            continue
        if line == _END:
            break
        if line:
            lines.append(line)
    return "\n".join(lines)
