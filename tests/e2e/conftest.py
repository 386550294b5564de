"""One platform for this folder, phones that were not written here, and what they need."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.outbound_line import Line, verified_line
from tests.e2e.platform_process import give_own_keys, running_stage
from tests.e2e.second_node import LostCall, lose_a_call
from tests.e2e.stage import Stage
from tests.fakes.server import GOOD_KEY

PROGRAMS = {"sipp": "sip-tester", "baresip": "baresip-core"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Room for a whole conversation in real time."""
    here = Path(__file__).parent
    # stable: only the test that waits longest goes to the end of everything
    items.sort(key=lambda item: item.path == here / "test_lost_node.py")
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    """Skip (fail with REQUIRE_ALL=1) where a phone is missing."""
    missing = [f"{name} (Debian package {package})" for name, package in PROGRAMS.items() if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="session")
def stage(_programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with running_stage(tmp_path_factory.mktemp("stage")) as running:
        give_own_keys(running, openai=GOOD_KEY, xai=GOOD_KEY)
        yield running


@pytest.fixture(scope="session")
def line(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Line:
    return verified_line(stage, tmp_path_factory.mktemp("verify"))


@pytest.fixture(scope="session")
def lost_call(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> LostCall:
    return lose_a_call(stage, tmp_path_factory.mktemp("lost"))


@pytest.fixture(scope="session", autouse=True)
def _lose_a_call_early(request: pytest.FixtureRequest) -> None:
    """Its end takes minutes to come, which pass during the other tests."""
    if any("lost_call" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("lost_call")
