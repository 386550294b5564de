"""`make up` and `make down` as a person meets them."""

import json
import os
import socket
import stat
from pathlib import Path

import httpx
import pytest

from infra.embedded.local_file import LocalPlatform, read_local
from infra.embedded.processes import Processes
from infra.embedded.settings import EmbeddedSettings
from tests.conftest import embedded_environment, run_embedded

pytestmark = pytest.mark.timeout(300)


def processes_of(home: Path) -> Processes:
    return Processes(home, home / "logs")


@pytest.mark.parametrize(
    ("variable", "kind"), [("SOVEREIGN_API_PORT", socket.SOCK_STREAM), ("SOVEREIGN_SIP_PORT", socket.SOCK_DGRAM)]
)
def test_a_port_in_use_is_one_clear_line_and_nothing_runs(
    tmp_path: Path, variable: str, kind: socket.SocketKind
) -> None:
    environment = embedded_environment(tmp_path)
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", int(environment[variable])))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        result = run_embedded("up", environment, "--no-media")
    assert result.returncode == 1
    (line,) = result.stderr.strip().splitlines()
    assert environment[variable] in line
    assert variable in line
    assert processes_of(tmp_path).running() == []


def test_a_wrong_setting_is_named_without_a_traceback(tmp_path: Path) -> None:
    environment = embedded_environment(tmp_path) | {"SOVEREIGN_API_PORT": "many"}
    result = run_embedded("up", environment, "--no-media")
    assert result.returncode == 1
    assert "SOVEREIGN_API_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_models_that_cannot_be_downloaded_are_one_clear_line_and_nothing_runs(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    environment = embedded_environment(tmp_path) | {
        "SOVEREIGN_MODEL_CACHE": str(tmp_path / "models"),
        "PIP_INDEX_URL": nowhere,
        "PIP_EXTRA_INDEX_URL": nowhere,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "PIP_DEFAULT_TIMEOUT": "1",
    }
    result = run_embedded("up", environment, "--no-demo")
    assert result.returncode == 1
    assert "check the network" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert processes_of(tmp_path).running() == []


def test_down_with_nothing_running_says_so(tmp_path: Path) -> None:
    result = run_embedded("down", embedded_environment(tmp_path))
    assert result.returncode == 0
    assert "nothing was running" in result.stdout


def test_down_never_touches_a_process_that_took_over_a_recorded_number(tmp_path: Path) -> None:
    entry = {"name": "emulator", "pid": os.getpid(), "born": "1"}
    (tmp_path / "processes.json").write_text(json.dumps([entry]))
    assert processes_of(tmp_path).running() == []
    assert run_embedded("down", embedded_environment(tmp_path)).returncode == 0


def test_keys_and_rows_are_there_after_down_and_up(tmp_path: Path) -> None:
    environment = embedded_environment(tmp_path)
    try:
        assert run_embedded("up", environment, "--no-media").returncode == 0
        first = read_local(tmp_path / "local.json")
        assert first is not None
        assert stat.S_IMODE((tmp_path / "local.json").stat().st_mode) == 0o600
        assert run_embedded("down", environment).returncode == 0
        assert processes_of(tmp_path).running() == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{first.api_url}/health", trust_env=False)

        again = run_embedded("up", environment, "--no-media")

        assert again.returncode == 0, again.stderr
        assert read_local(tmp_path / "local.json") == first
        assistants = get(first, "/assistants").json()["assistants"]
        assert [found["id"] for found in assistants] == [first.assistant_id]
    finally:
        run_embedded("down", environment)


def get(platform: LocalPlatform, path: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key or platform.api_key}"}
    return httpx.get(platform.api_url + path, headers=headers, timeout=30, trust_env=False)


def test_a_platform_answers_with_the_apis_own_errors(embedded_platform: LocalPlatform) -> None:
    assert get(embedded_platform, "/health").json()["status"] == "ok"
    wrong_key = get(embedded_platform, "/assistants", key="fl_live_" + "0" * 40)
    assert (wrong_key.status_code, wrong_key.json()["code"]) == (401, "unauthorized")
    unknown = get(embedded_platform, "/nothing-here")
    assert unknown.status_code == 404
    assert set(unknown.json()) >= {"error", "code"}
    too_large = httpx.post(
        f"{embedded_platform.api_url}/assistants",
        content=b"[" + b"1," * (6 * 1024 * 1024) + b"1]",
        headers={"Authorization": f"Bearer {embedded_platform.api_key}", "Content-Type": "application/json"},
        timeout=60,
        trust_env=False,
    )
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")


def test_load_key_has_no_practical_limit(embedded_platform: LocalPlatform) -> None:
    answers = [get(embedded_platform, "/voices", key=embedded_platform.load_api_key) for _ in range(130)]
    assert {answer.status_code for answer in answers} == {200}


def test_settings_keep_everything_of_a_platform_in_its_home(tmp_path: Path) -> None:
    settings = EmbeddedSettings(sovereign_home=tmp_path)
    assert settings.local_file.parent == settings.logs.parent == tmp_path.resolve()
