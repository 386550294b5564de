"""`make down`: stops the recorded processes of this platform, and nothing else. The data stays."""

import sys

from infra.embedded import services
from infra.embedded.processes import Processes
from infra.embedded.progress import Progress, SetupError
from infra.embedded.settings import embedded_settings


def main() -> int:
    """Returns the exit status: 1 when something would not stop."""
    progress = Progress()
    try:
        settings = embedded_settings()
    except SetupError as wrong:
        progress.fail(str(wrong))
        return 1
    processes = Processes(settings.home, settings.logs)
    stopped = processes.stop(patience=services.PATIENCE)
    if left := processes.running():
        progress.fail(f"could not stop {', '.join(f'{entry.name} (pid {entry.pid})' for entry in left)}")
        return 1
    progress.say(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
