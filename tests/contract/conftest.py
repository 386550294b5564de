"""A deployed platform without its media node, and clients that hold every answer to what all answers must be."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.embedded.local_file import LocalPlatform, read_local
from tests.conftest import embedded_environment, run_embedded
from tests.contract.client import Api
from tests.contract.organizations import Organizations
from tests.fakes.resend import FakeResend

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each time enough for the start of the platform."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(600))  # the first of them waits for the start


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, resend: FakeResend) -> Iterator[LocalPlatform]:
    """The platform under test: its own, or the one that runs in the folder CONTRACT_HOME names."""
    if running := os.environ.get("CONTRACT_HOME"):
        yield _read(Path(running))
        return
    home = tmp_path_factory.mktemp("contract")
    environment = embedded_environment(home) | {"RESEND_BASE_URL": resend.base_url}
    started = run_embedded("up", environment, "--no-media")
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield _read(home)
    finally:
        stopped = run_embedded("down", environment)
        assert stopped.returncode == 0, stopped.stderr


def _read(home: Path) -> LocalPlatform:
    platform = read_local(home / "local.json")
    assert platform is not None
    return platform


@pytest.fixture(scope="session")
def organizations(platform: LocalPlatform) -> Organizations:
    """Makes top-level organizations as the operator does."""
    return Organizations(platform)


@pytest.fixture(scope="session")
def api(organizations: Organizations) -> Iterator[Api]:
    """The organization most tests act in, by a key without a rate limit."""
    with organizations.create("Contract").client() as client:
        yield client


@pytest.fixture(scope="session")
def stranger(organizations: Organizations) -> Iterator[Api]:
    """Another tenant."""
    with organizations.create("Stranger").client() as client:
        yield client


@pytest.fixture
def nobody(platform: LocalPlatform) -> Iterator[Api]:
    """A client without a key."""
    with Api(platform.api_url, key=None) as client:
        yield client
