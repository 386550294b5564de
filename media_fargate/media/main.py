"""`python -m media.main`: the container's one command. Supervises the media processes."""

import asyncio
import signal
import sys

from aws_lambda_powertools import Logger

from media.ecs import UnknownAddressError, locate
from media.settings import MediaEnvironment
from media.supervisor import EXIT_CONFIGURATION, Spawn, Supervisor, spawn_media_process
from sovereign.kernel.observe import logger as process_logger
from sovereign.kernel.settings import ConfigurationError, read_environment

EXIT_UNLOCATED = 1
"""ECS did not tell the task's address; it starts another task."""

logger = Logger(child=True)


async def supervise(environment: MediaEnvironment, spawn: Spawn = spawn_media_process) -> int:
    """Check what concerns the machine once, then run the media processes until SIGTERM or SIGINT; the exit code.

    Raises ConfigurationError, UnknownAddressError.
    """
    (await locate(environment)).share(0)
    logger.info("media_starting", processes=environment.media_processes, calls_each=environment.max_calls)
    supervisor = Supervisor(environment.media_processes, spawn)
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(received, supervisor.stop)
    return await supervisor.run()


def main() -> int:
    """Supervise; a configuration that cannot work is one line and an exit code of its own."""
    process_logger()
    try:
        return asyncio.run(supervise(read_environment(MediaEnvironment)))
    except ConfigurationError as problem:
        sys.stderr.write(f"media: {problem}\n")
        return EXIT_CONFIGURATION
    except UnknownAddressError as problem:
        sys.stderr.write(f"media: {problem}\n")
        return EXIT_UNLOCATED


if __name__ == "__main__":
    sys.exit(main())
