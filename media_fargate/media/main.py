"""`python -m media.main`: the container's one command. Supervises the media processes."""

import asyncio
import signal
import sys

from aws_lambda_powertools import Logger

from media.settings import MediaEnvironment
from media.supervisor import EXIT_CONFIGURATION, Supervisor
from sovereign.kernel.settings import ConfigurationError, read_environment

logger = Logger()


async def supervise(count: int) -> int:
    """Run `count` media processes until SIGTERM or SIGINT; the exit code."""
    supervisor = Supervisor(count)
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(received, supervisor.stop)
    return await supervisor.run()


def main() -> int:
    """Check the configuration once, in front of a person, then supervise."""
    try:
        environment = read_environment(MediaEnvironment)
        environment.share(0)
    except ConfigurationError as problem:
        sys.stderr.write(f"media: {problem}\n")
        return EXIT_CONFIGURATION
    logger.info("media_starting", processes=environment.media_processes, calls_each=environment.max_calls)
    return asyncio.run(supervise(environment.media_processes))


if __name__ == "__main__":
    sys.exit(main())
