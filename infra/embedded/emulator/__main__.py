"""Starts the emulator with every mend applied. Settings come from the environment that `infra.embedded.services` sets.

`SIGUSR1` saves everything at once; `SIGTERM` saves and stops.
"""

import sys

from ministack import app

from infra.embedded.emulator import cloudformation, execution, layers, logs, persistence, workers


def main() -> None:
    """Mend, then serve until told to stop."""
    cloudformation.apply()
    logs.apply()
    execution.apply()
    layers.apply()
    workers.apply()
    persistence.apply()
    # ministack reads its own arguments; ours are none
    sys.argv = sys.argv[:1]
    app.main()


if __name__ == "__main__":
    main()
