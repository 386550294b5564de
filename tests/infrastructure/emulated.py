"""An emulator of its own for tests that need only that."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.embedded import services
from infra.embedded.cloud import cloud_client
from infra.embedded.processes import Processes, Recorded
from infra.embedded.settings import EmbeddedSettings
from tests.conftest import free_ports


@dataclass
class Emulator:
    """A running emulator that can be killed and started again on the same data."""

    settings: EmbeddedSettings
    processes: Processes
    entry: Recorded

    @property
    def url(self) -> str:
        return self.settings.emulator_url

    def client(self, service: str) -> Any:
        return cloud_client(service, self.url)

    def restart(self) -> None:
        """Start again what was stopped or killed."""
        self.entry = services.start_emulator(self.settings, self.processes)
        wait_until(lambda: services.emulator_ready(self.settings), 60)


def wait_until(is_so: Any, seconds: float) -> Any:
    """The first true answer, or a failure when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.1)
    return answer


@contextlib.contextmanager
def running_emulator(home: Path) -> Iterator[Emulator]:
    """An emulator with its state in `home`, stopped afterwards."""
    settings = EmbeddedSettings(sovereign_home=home, sovereign_emulator_port=free_ports(1)[0])
    processes = Processes(home, home / "logs")
    entry = services.start_emulator(settings, processes)
    try:
        wait_until(lambda: services.emulator_ready(settings), 60)
        yield Emulator(settings, processes, entry)
    finally:
        processes.stop()
        assert processes.running() == []


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running
