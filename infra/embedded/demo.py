"""The demonstration call: a phone of ours calls the number, and what came of it is shown."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from infra.embedded.local_file import LocalPlatform, read_local
from infra.embedded.progress import Progress, SetupError
from infra.embedded.settings import EmbeddedSettings, embedded_settings
from infra.paths import REPOSITORY

SAMPLES = REPOSITORY / "tests" / "samples" / "caller"
LINES = ("hello_hours", "price_checkup", "book_tuesday", "name_johnson", "thanks_goodbye")
_CALL_SECONDS = 180.0
_REPORT_SECONDS = 60.0


def demonstrate(platform: LocalPlatform, settings: EmbeddedSettings, progress: Progress) -> dict[str, Any]:
    """Place the call, wait for its report, print both; returns the call. Raises SetupError when it did not work."""
    recording = settings.home / "demo" / "call.wav"
    recording.parent.mkdir(parents=True, exist_ok=True)
    progress.say(f"calling {platform.sip_uri}")
    with _api(platform) as api:
        before = {call["id"] for call in _calls(api)}
        _dial(platform, [str(SAMPLES / f"{line}.wav") for line in LINES], str(recording))
        progress.say("the caller hung up; waiting for the report")
        new = _until(lambda: next((c for c in _calls(api) if c["id"] not in before), None), 10, "the call's row")
        report = _until(lambda: _report(platform, new["id"]), _REPORT_SECONDS, "the end-of-call report")
        call = _object(api.get(f"/calls/{new['id']}"))
    _fetch_recording(call["recording_url"], recording)
    print(_told(call, report, str(recording)), flush=True)
    return call


def _api(platform: LocalPlatform) -> httpx.Client:
    headers = {"Authorization": f"Bearer {platform.api_key}"}
    return httpx.Client(base_url=platform.api_url, headers=headers, timeout=30, trust_env=False)


def _calls(api: httpx.Client) -> list[dict[str, Any]]:
    answer = api.get("/calls", params={"limit": 20})
    if not answer.is_success:
        raise SetupError(f"GET /calls said {answer.status_code}: {answer.text[:200]}")
    calls: list[dict[str, Any]] = answer.json()["calls"]
    return calls


def _object(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    return body if "id" in body else body["call"]


def _dial(platform: LocalPlatform, recordings: list[str], record: str) -> None:
    command = [sys.executable, "-m", "infra.embedded.phone", platform.sip_uri, *recordings]
    command += ["--record", record]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=REPOSITORY, timeout=_CALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise SetupError(f"the demonstration call did not end within {_CALL_SECONDS:.0f} s") from None
    if result.returncode:
        last = ((result.stderr or result.stdout).strip().splitlines() or ["it said nothing"])[-1]
        raise SetupError(f"the demonstration call failed: {last[:300]}")


def _report(platform: LocalPlatform, call_id: str) -> dict[str, Any] | None:
    """The end-of-call report as the webhook sink got it."""
    received = httpx.get(f"{platform.webhook_sink_url}/events", timeout=10, trust_env=False).json()["received"]
    for entry in received:
        message: dict[str, Any] = entry["body"].get("message", {})
        if message.get("type") == "end-of-call-report" and message.get("call", {}).get("id") == call_id:
            return message
    return None


def _fetch_recording(url: str | None, target: Path) -> None:
    """The platform's own recording in the place of the phone's; the phone's stays where the assistant records none."""
    if url is None:
        return
    answer = httpx.get(url, follow_redirects=True, timeout=30, trust_env=False)
    if not answer.is_success:
        raise SetupError(f"the recording could not be fetched: {answer.status_code} {answer.text[:200]}")
    target.write_bytes(answer.content)


def _until(find: Callable[[], dict[str, Any] | None], seconds: float, what: str) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (found := find()) is None:
        if time.monotonic() > deadline:
            raise SetupError(f"{what} did not come within {seconds:.0f} s: the logs are in .sovereign/logs")
        time.sleep(0.2)
    return found


def _told(call: dict[str, Any], report: dict[str, Any], recording: str) -> str:
    lines = ["", f"  Call {call['id']}: {call['status']} ({call['end_reason']}), {call['duration_seconds']} s", ""]
    lines += [f"    {message['role']:>9}: {message['content']}" for message in call.get("messages") or ()]
    lines += ["", f"  Summary: {report.get('summary')}", f"  Analysis: {json.dumps(report.get('analysis'))}"]
    lines += [f"  Recording (caller left, agent right): {recording}"]
    return "\n".join(lines)


def _running(settings: EmbeddedSettings) -> LocalPlatform:
    platform = read_local(settings.local_file)
    if platform is None:
        raise SetupError("no platform is running: run `make up`")
    return platform


def main() -> int:
    """`make demo`: one more call to the platform that is running. Returns the exit status."""
    progress = Progress()
    try:
        settings = embedded_settings()
        platform = _running(settings)
        demonstrate(platform, settings, progress)
    except httpx.ConnectError:
        progress.fail("the platform does not answer: run `make up`")
        return 1
    except SetupError as failure:
        progress.fail(str(failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
