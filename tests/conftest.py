"""What every test may ask for: a platform of its own on this machine, and the rule about skipped tests."""

import faulthandler
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

from infra.embedded.local_file import LocalPlatform, read_local
from tests.fakes.resend import FakeResend, serving
from tests.scheduling import GroupScheduling

ROOT = Path(__file__).resolve().parent.parent
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
CLEANING_SECONDS = 180
_PORTS = range(10_000 + _WORKER % 4 * 1_000, 11_000 + _WORKER % 4 * 1_000)
"""A range for each worker of a parallel run."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """Hand out work by what it shares, whatever `--dist` says."""
    config.option.loadscopereorder = False
    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of a running platform time enough for its start."""
    for item in items:
        if "embedded_platform" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With REQUIRE_ALL=1 (as in CI) a skipped test is a failed one: something it needs was not installed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result
    is_expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not is_expected_failure and os.environ.get("REQUIRE_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped although REQUIRE_ALL=1: {report.longrepr}"


@pytest.hookimpl(trylast=True)
def pytest_exception_interact(node: pytest.Item) -> None:
    """A failed test has lost both its time limits (for who would debug it): what cleans up after it gets one."""
    if not node.config.getoption("usepdb"):
        stderr = node.config.stash[fault_handler_stderr_fd_key]
        faulthandler.dump_traceback_later(CLEANING_SECONDS, exit=True, file=stderr)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Where the results are gathered, tell each failure as it happens: a run that is stopped has told them."""
    if "PYTEST_XDIST_WORKER" not in os.environ and config.pluginmanager.has_plugin("terminalreporter"):
        config.pluginmanager.register(_FailuresAtOnce(config.pluginmanager.get_plugin("terminalreporter")))


class _FailuresAtOnce:
    """Prints a failed test's name and the end of what it says."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            last_lines = report.longreprtext.splitlines()[-12:]
            self._terminal.write_line("")
            self._terminal.write_line(f"FAILED {report.nodeid} ({report.when})", red=True)
            self._terminal.write_line("\n".join(last_lines))


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, TCP and UDP, each with the port after it free as well.

    They lie below those the kernel gives to whoever connects: none is taken between this look and the listening.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.choice(_PORTS)
        if all(_is_free(port + offset) for offset in range(2)) and not {port, port + 1, port - 1} & {*found}:
            found.append(port)
    return found


def free_media_port() -> int:
    """An even UDP port for RTP, the next for RTCP, and room for those of many calls after them.

    None of them is one that `free_ports` gives: sipp takes the second port after the one it is told as well.
    """
    while True:
        port = random.choice(range(14_000, 19_900, 100))
        if all(_is_free(port + offset) for offset in range(2)):
            return port


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def embedded_environment(home: Path) -> dict[str, str]:
    """The variables of an embedded platform of its own, beside any that runs already."""
    api, emulator, control, sink, sip = free_ports(5)
    first_rtp = 30_000 + os.getpid() % 500 * 20
    return {
        **os.environ,
        "SOVEREIGN_HOME": str(home),
        "SOVEREIGN_API_PORT": str(api),
        "SOVEREIGN_EMULATOR_PORT": str(emulator),
        "SOVEREIGN_CONTROL_PORT": str(control),
        "SOVEREIGN_SINK_PORT": str(sink),
        "SOVEREIGN_SIP_PORT": str(sip),
        "SOVEREIGN_RTP_PORTS": f"{first_rtp}-{first_rtp + 399}",
        "SOVEREIGN_MAX_CALLS": "20",
    }


def run_embedded(module: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m infra.embedded.<module>` to its end."""
    command = [sys.executable, "-m", f"infra.embedded.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=500)


@pytest.fixture(scope="session")
def resend() -> Iterator[FakeResend]:
    """The stand-in the platforms take for Resend."""
    fake = FakeResend()
    with serving(fake) as base_url:
        fake.base_url = base_url
        yield fake


@pytest.fixture(scope="session")
def embedded_platform(tmp_path_factory: pytest.TempPathFactory, resend: FakeResend) -> Iterator[LocalPlatform]:
    """A whole platform, media node included, seeded like `make up` leaves it; stopped when the tests end."""
    home = tmp_path_factory.mktemp("platform")
    environment = embedded_environment(home) | {"RESEND_BASE_URL": resend.base_url}
    started = run_embedded("up", environment, "--no-demo")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        platform = read_local(home / "local.json")
        assert platform is not None
        yield platform
    finally:
        stopped = run_embedded("down", environment)
        assert stopped.returncode == 0, stopped.stderr
