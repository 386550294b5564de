"""`recording_url` and the route it leads to, from the token to the bucket's object."""

import io
import wave
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from functions.after_call_tasks import handler as after_call
from sovereign.calls.model import CallOutcome, CallRef, EndReason
from sovereign.kernel import aws, parameters, settings
from sovereign.kernel.clock import to_wire
from sovereign.organizations import OrganizationStore
from sovereign.recordings.layout import SegmentName
from sovereign.recordings.storage import Recordings
from tests.component.calls.harness import new_call
from tests.component.calls.test_routes import World, world

__all__ = ["world"]

BUCKET = "recordings"
API = "https://api.example.com/api/v1"


@pytest.fixture
def recordings(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recordings]:
    monkeypatch.setenv("RECORDINGS_BUCKET", BUCKET)
    monkeypatch.setenv("NODE_GATEWAY_FUNCTION", "gateway")
    monkeypatch.setenv("API_URL_PARAMETER", "/sovereign/test/api-url")
    settings.read_environment.cache_clear()
    parameters.forget_parameters()
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    aws.client("ssm").put_parameter(Name="/sovereign/test/api-url", Value=API, Type="String")
    for cached in (after_call._calls, after_call._table, after_call._recordings):
        cached.cache_clear()
    yield Recordings(BUCKET)
    for cached in (after_call._calls, after_call._table, after_call._recordings):
        cached.cache_clear()
    parameters.forget_parameters()


def recorded(world: World, recordings: Recordings) -> CallRef:
    """A call whose media node has stored its sound, and which is over."""
    ref = world.running()
    recordings.put_segment(ref, SegmentName(0, 8000), np.tile(np.array([1, 2], "<i2"), 800).tobytes())
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP))
    return ref


def finish_recording(ref: CallRef, step: str = "look_for_recording") -> dict[str, str]:
    task = {"step": step, "org_id": ref.org_id, "call_id": ref.call_id, "call_number": ref.number}
    return after_call.handler(task, None)  # type: ignore[arg-type]


def shown(world: World, ref: CallRef) -> str | None:
    url: str | None = world.client.get(f"/api/v1/calls/{ref.call_id}").json()["recording_url"]
    listed = world.client.get("/api/v1/calls").json()["calls"]
    assert [(call["recording_url"] is None) for call in listed if call["id"] == ref.call_id] == [url is None]
    return url


def fetched(location: str) -> np.ndarray:
    parts = urlsplit(location)
    assert parts.path.endswith("/recording.wav")
    assert "X-Amz-Signature" in parse_qs(parts.query)
    key = parts.path.removeprefix(f"/{BUCKET}").lstrip("/")
    body = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with wave.open(io.BytesIO(body)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_link_leads_to_the_recording_without_a_key(world: World, recordings: Recordings) -> None:
    ref = recorded(world, recordings)
    assert shown(world, ref) is None, "it is not put together yet"
    finish_recording(ref)
    url = shown(world, ref)
    assert url is not None
    assert url.startswith(f"{API}/calls/{ref.call_id}/recording?t=")
    del world.client.headers["Authorization"]
    answer = world.client.get(url.removeprefix("https://api.example.com"), follow_redirects=False)
    assert (answer.status_code, answer.content) == (302, b"")
    assert "no-store" in answer.headers["Cache-Control"]
    heard = fetched(answer.headers["Location"])
    assert heard.tolist() == [[1, 2]] * 800


@pytest.mark.parametrize(("at", "waits"), [(5.0, 15.0), (20.0, None), (-3600.0, 20.0)])
def test_pieces_that_are_late_are_waited_for_a_little_by_the_state_machine(
    world: World, recordings: Recordings, monkeypatch: pytest.MonkeyPatch, at: float, waits: float | None
) -> None:
    """`at`: seconds from the end as the node's clock has it to now as the function's has it."""
    ref = world.running()
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP, recording_late=True))
    ended_at = world.calls.rows.get(ref).ended_at
    assert ended_at is not None
    now = ended_at + timedelta(seconds=at)
    monkeypatch.setattr(after_call, "utc_now", lambda: now)
    monkeypatch.setattr("time.sleep", lambda _seconds: pytest.fail("the function waits"))
    until = to_wire(now + timedelta(seconds=waits)) if waits else ""
    assert finish_recording(ref) == {"step": "look_for_recording", "late_until": until}
    assert shown(world, ref) is None
    recordings.put_segment(ref, SegmentName(0, 8000), np.tile(np.array([1, 2], "<i2"), 800).tobytes())
    assert finish_recording(ref, "finish_recording") == {"step": "finish_recording"}
    answer = world.client.get(f"/api/v1/calls/{ref.call_id}/recording", follow_redirects=False)
    assert len(fetched(answer.headers["Location"])) == 800
    assert finish_recording(ref)["late_until"] == "", "it is stored"


def test_recording_with_late_pieces_is_left_alone_while_they_may_come(
    world: World, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = world.running()
    recordings.put_segment(ref, SegmentName(0, 8000), bytes(4 * 800))
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.USER_HANGUP, recording_late=True))
    assert finish_recording(ref)["late_until"]
    assert shown(world, ref) is None


def test_key_leads_there_too_in_two_reads(world: World, recordings: Recordings) -> None:
    ref = recorded(world, recordings)
    finish_recording(ref)
    world.client.get("/api/v1/calls")  # the key is known from now on
    before = world.table.requests
    answer = world.client.get(f"/api/v1/calls/{ref.call_id}/recording", follow_redirects=False)
    assert answer.status_code == 302
    assert world.table.requests - before == 3, "one for the rate limit, two reads"
    assert len(fetched(answer.headers["Location"])) == 800


def test_what_opens_nothing_is_refused_in_the_apis_own_shape(world: World, recordings: Recordings) -> None:
    ref = recorded(world, recordings)
    finish_recording(ref)
    url = shown(world, ref)
    assert url is not None
    path, token = f"/api/v1/calls/{ref.call_id}/recording", url.partition("?t=")[2]
    other = OrganizationStore(world.table).create("Other", billing_mode="unlimited")
    strange = {"Authorization": f"Bearer {other.secret}"}
    # a key counts when there is one, whatever link is sent with it
    for query in ("", f"?t={token}"):
        answer = world.client.get(path + query, headers=strange, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    del world.client.headers["Authorization"]
    expires, rest = token.split(".", 1)
    for wrong in ("", "?t=", "?t=x", f"?t={int(expires) - 1}.{rest}", f"?t={token[:-1]}0{token[-1:]}"):
        answer = world.client.get(path + wrong, follow_redirects=False)
        assert answer.status_code == 401, wrong
        assert answer.json()["error"] == "Unauthorized"
    answer = world.client.get(f"/api/v1/calls/call-inbound-other/recording?t={token}", follow_redirects=False)
    assert answer.status_code == 401


def test_a_link_is_no_key_for_other_routes(world: World, recordings: Recordings) -> None:
    ref = recorded(world, recordings)
    finish_recording(ref)
    url = shown(world, ref)
    assert url is not None
    del world.client.headers["Authorization"]
    assert world.client.get(f"/api/v1/calls/{ref.call_id}?t={url.partition('?t=')[2]}").status_code == 401


def test_calls_without_a_recording_answer_404_and_erased_ones_410(world: World, recordings: Recordings) -> None:
    silent = world.running()
    world.calls.lifecycle.finish(silent, CallOutcome(end_reason=EndReason.USER_HANGUP))
    finish_recording(silent)
    assert shown(world, silent) is None
    assert world.client.get(f"/api/v1/calls/{silent.call_id}/recording").status_code == 404
    assert world.client.get("/api/v1/calls/call-inbound-none/recording").status_code == 404

    ref = recorded(world, recordings)
    finish_recording(ref)
    world.calls.erasure.erase_content(ref)
    assert shown(world, ref) is None
    answer = world.client.get(f"/api/v1/calls/{ref.call_id}/recording")
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    finish_recording(ref)
    assert shown(world, ref) is None, "what is erased does not come back"


def test_a_lost_nodes_recording_is_finished_as_far_as_it_came(world: World, recordings: Recordings) -> None:
    ref = world.running()
    recordings.put_segment(ref, SegmentName(0, 8000), bytes(4 * 80_000))
    recordings.put_segment(ref, SegmentName(80_000, 8000), bytes(4 * 80_000))
    world.calls.lifecycle.finish(ref, CallOutcome(end_reason=EndReason.NODE_LOST))
    finish_recording(ref)
    assert shown(world, ref) is not None
    assert len(fetched(recordings.address(ref))) == 160_000


def test_no_recording_is_ever_shown_for_a_private_call(world: World, recordings: Recordings) -> None:
    ref = world.calls.starts.create(new_call(org_id=world.org_id, ringing=True, private=True), node_id="node-7").ref
    world.calls.lifecycle.mark_answered(ref)
    world.calls.content.mark_recorded(ref)
    assert world.calls.rows.get(ref).recording is None
