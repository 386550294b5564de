"""`make up`: brings the platform up and places one demonstration call. Again: quick, and changes nothing."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from infra.embedded import services
from infra.embedded.assembly import synthesize
from infra.embedded.demo import demonstrate
from infra.embedded.deployment import Deployment
from infra.embedded.local_file import LocalPlatform
from infra.embedded.ports import require_free
from infra.embedded.processes import Processes, Recorded
from infra.embedded.progress import Progress, SetupError
from infra.embedded.seed import Seeder
from infra.embedded.settings import EmbeddedSettings, embedded_settings
from infra.paths import REPOSITORY
from infra.stage import stage_named


class Startup:
    """One run of `make up`."""

    def __init__(self, settings: EmbeddedSettings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._processes = Processes(settings.home, settings.logs)
        self._started: dict[str, Recorded] = {}

    def run(self, *, with_models: bool = True, with_media: bool = True) -> LocalPlatform:
        """Everything up to a healthy platform. On failure nothing that was started here is left running."""
        settings = self._settings
        try:
            settings.home.mkdir(parents=True, exist_ok=True)
        except OSError as failure:
            raise SetupError(f"SOVEREIGN_HOME: {settings.home} cannot be used ({failure.strerror})") from None
        self._stop_earlier()
        require_free(settings)
        try:
            if with_media and with_models:
                self._models()
            self._progress.say("synthesising the template (cached by content)")
            assembly = synthesize()
            self._emulator()
            self._progress.say("deploying the template into the emulator")
            deployment = Deployment(assembly, settings.emulator_url, settings.home / "aws" / "deployed")
            outputs = deployment.deploy()
            deployment.publish_address(stage_named("embedded").api_url_parameter, settings.api_url)
            self._save_now()
            deployment.remember()
            if with_media:  # it loads its models while the API is seeded
                self._progress.say("starting the media node")
                self._started[services.MEDIA] = services.start_media(settings, self._processes)
            platform = self._front(outputs)
            if with_media:
                self._wait("the media node", lambda: services.media_ready(settings), 120, services.MEDIA)
        except BaseException:
            self._processes.stop([*self._started], patience=services.PATIENCE)
            raise
        return platform

    def _stop_earlier(self) -> None:
        stopped = self._processes.stop(patience=services.PATIENCE)
        if stopped:
            self._progress.say(f"stopped the platform that was running ({', '.join(stopped)})")

    def _models(self) -> None:
        self._progress.say("preparing the local speech and language models (downloaded once)")
        command = [sys.executable, "-m", "infra.embedded.models", str(self._settings.sovereign_model_cache)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY)
        last = "no reason given"
        for line in child.stdout or ():
            last = line.strip()
            self._progress.say(f"  {last}")
        if child.wait():
            raise SetupError(f"the models could not be prepared ({last}): check the network and run again")

    def _emulator(self) -> None:
        self._progress.say("starting the AWS emulator")
        self._started[services.EMULATOR] = services.start_emulator(self._settings, self._processes)
        self._wait("the AWS emulator", lambda: services.emulator_ready(self._settings), 60, services.EMULATOR)

    def _save_now(self) -> None:
        """A deploy is on disk at once, not with the next minute's snapshot."""
        saved = self._settings.home / "aws" / "saved"
        saved.unlink(missing_ok=True)
        os.kill(self._started[services.EMULATOR].pid, signal.SIGUSR1)
        self._wait("the emulator's first save", saved.exists, 30, services.EMULATOR)

    def _front(self, outputs: dict[str, str]) -> LocalPlatform:
        self._progress.say("starting the API's address and the webhook sink")
        settings = self._settings
        self._started[services.SINK] = services.start_sink(settings, self._processes)
        self._started[services.PROXY] = services.start_proxy(settings, self._processes, outputs["ApiId"])
        self._wait("the webhook sink", lambda: services.answers(f"{settings.sink_url}/health"), 15, services.SINK)
        self._wait("the API", lambda: services.answers(f"{settings.api_url}/health"), 60, services.PROXY)
        self._progress.say("looking for the demonstration organization, making it where it is missing")
        return Seeder(settings, outputs).seed()

    def _wait(self, what: str, is_ready: Callable[[], bool], seconds: float, name: str) -> None:
        services.wait_for(what, is_ready, seconds=seconds, processes=self._processes, needs={name: self._started[name]})


def summary(platform: LocalPlatform, settings: EmbeddedSettings) -> str:
    """What a person needs to go on."""
    return "\n".join(
        (
            "",
            f"  API        {platform.api_url}",
            f"  API key    {platform.api_key}",
            f"  call       {platform.sip_uri}   (any SIP phone on this machine)",
            f"  webhooks   {platform.webhook_sink_url}/events",
            f"  all of it  {settings.local_file}",
            "",
            "  make demo places another call, make down stops everything; the data stays.",
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="make up", description="Bring the embedded platform up.")
    parser.add_argument("--no-demo", action="store_true", help="do not place the demonstration call")
    parser.add_argument("--no-media", action="store_true", help="the API only: no models, no calls")
    given = parser.parse_args(arguments)
    progress = Progress()
    # a stopped `make up` cleans up like a failed one
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = embedded_settings()
        platform = Startup(settings, progress).run(with_media=not given.no_media)
        if not (given.no_demo or given.no_media):
            demonstrate(platform, settings, progress)
    except SetupError as failure:
        progress.fail(str(failure))
        return 1
    except KeyboardInterrupt:
        progress.fail("stopped before it was up; nothing is left running")
        return 130
    progress.say("the platform is up")
    print(summary(platform, settings), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
