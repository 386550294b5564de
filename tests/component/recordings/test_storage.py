"""Recordings in the bucket: segments while a call runs, one WAV file afterwards."""

import io
import wave

import httpx
import numpy as np
import pytest

from sovereign.calls.model import CallRef
from sovereign.kernel import aws
from sovereign.recordings import assembly, storage
from sovereign.recordings.assembly import Slice
from sovereign.recordings.layout import SegmentName, prefix_of, recording_key
from sovereign.recordings.storage import Recordings
from tests.component.calls.harness import ORG
from tests.component.recordings.conftest import BUCKET

CALL = CallRef(ORG, "call-inbound-abc", 1)
RATE = 8000


def frames(count: int, left: int, right: int) -> bytes:
    return np.tile(np.array([left, right], "<i2"), count).tobytes()


def keys() -> list[str]:
    return [found["Key"] for found in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def raise_connection_error(*_: object) -> None:
    raise ConnectionError


def finished() -> tuple[int, np.ndarray]:
    body = aws.client("s3").get_object(Bucket=BUCKET, Key=recording_key(*CALL[:2]))["Body"].read()
    with wave.open(io.BytesIO(body)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        assert len(body) == 44 + file.getnframes() * 4
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_segments_become_one_wav_file_and_go(recordings: Recordings) -> None:
    recordings.put_segment(CALL, SegmentName(0, RATE), frames(1000, 1, 2))
    recordings.put_segment(CALL, SegmentName(1000, RATE), frames(500, 3, 4))
    assert recordings.finish(CALL)
    rate, heard = finished()
    assert rate == RATE
    assert heard[:, 0].tolist() == [1] * 1000 + [3] * 500
    assert heard[:, 1].tolist() == [2] * 1000 + [4] * 500
    assert keys() == [recording_key(*CALL[:2])]


def test_a_segment_that_was_lost_becomes_silence(recordings: Recordings) -> None:
    recordings.put_segment(CALL, SegmentName(100, RATE), frames(50, 1, 2))
    recordings.put_segment(CALL, SegmentName(600_150, RATE), frames(10, 3, 4))
    assert recordings.finish(CALL)
    _, heard = finished()
    assert heard.shape == (600_160, 2)
    assert not heard[:100].any()
    assert (heard[100:150] == [1, 2]).all()
    assert not heard[150:600_150].any()
    assert (heard[600_150:] == [3, 4]).all()


def test_a_long_recording_is_written_in_parts(recordings: Recordings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "PART_BYTES", 5 * 1024 * 1024)
    # eleven and a half megabytes: one part as large as S3 wants it, and a smaller last one
    for number in range(9):
        recordings.put_segment(CALL, SegmentName(number * 320_000, RATE), frames(320_000, number, -number))
    assert recordings.finish(CALL)
    stored = aws.client("s3").head_object(Bucket=BUCKET, Key=recording_key(*CALL[:2]))
    assert stored["ETag"].strip('"').endswith("-2")
    assert stored["ContentType"] == "audio/wav"
    _, heard = finished()
    assert heard.shape == (9 * 320_000, 2)
    assert heard[::320_000, 0].tolist() == list(range(9))
    assert keys() == [recording_key(*CALL[:2])]


@pytest.mark.parametrize("late", [0, 1, 2])
def test_finishing_again_adds_the_segment_that_came_late(recordings: Recordings, late: int) -> None:
    names = [SegmentName(number * 300_000, RATE) for number in range(3)]  # a segment is more than a piece of the file
    for number, name in enumerate(names):
        if number != late:
            recordings.put_segment(CALL, name, frames(300_000, number + 1, -number))
    assert recordings.finish(CALL)
    recordings.put_segment(CALL, names[late], frames(300_000, late + 1, -late))
    assert recordings.finish(CALL)
    _, heard = finished()
    assert heard.shape == (900_000, 2)
    assert heard[:, 0].tolist() == [1] * 300_000 + [2] * 300_000 + [3] * 300_000
    assert (heard[600_000:, 1] == -2).all()
    assert keys() == [recording_key(*CALL[:2])]


def test_finishing_again_after_the_segments_could_not_be_deleted_makes_the_same_recording(
    recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        recordings.put_segment(CALL, SegmentName(number * 1000, RATE), frames(1000, number, 9))
    monkeypatch.setattr(recordings, "_delete", raise_connection_error)
    with pytest.raises(ConnectionError):
        recordings.finish(CALL)
    monkeypatch.undo()
    _, before = finished()
    assert recordings.finish(CALL)
    assert (finished()[1] == before).all()
    assert keys() == [recording_key(*CALL[:2])]


def test_a_call_without_segments_has_no_recording(recordings: Recordings) -> None:
    recordings.put_segment(CallRef(ORG, "call-inbound-abcd", 2), SegmentName(0, RATE), frames(10, 1, 2))
    assert not recordings.finish(CALL)
    assert len(keys()) == 1


def test_a_failure_in_between_leaves_the_segments_and_no_upload(
    recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "PART_BYTES", 5 * 1024 * 1024)
    for number in range(5):
        recordings.put_segment(CALL, SegmentName(number * 320_000, RATE), frames(320_000, number, number))
    read = recordings._read

    def failing(piece: Slice) -> bytes:
        if f"{4 * 320_000:012d}" in piece.key:
            raise ConnectionError
        return read(piece)

    monkeypatch.setattr(recordings, "_read", failing)
    with pytest.raises(ConnectionError):
        recordings.finish(CALL)
    assert len(keys()) == 5
    assert "Uploads" not in aws.client("s3").list_multipart_uploads(Bucket=BUCKET)
    monkeypatch.undo()
    assert recordings.finish(CALL)
    assert len(finished()[1]) == 5 * 320_000


def test_everything_of_a_call_is_erased_and_nothing_of_another(
    recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_DELETED_AT_ONCE", 2)
    other = CallRef(ORG, "call-inbound-abcd", 2)
    for number in range(5):
        recordings.put_segment(CALL, SegmentName(number, RATE), b"x")
    recordings.put_segment(other, SegmentName(0, RATE), b"x")
    recordings.erase(CALL)
    assert [key.startswith(prefix_of(*other[:2])) for key in keys()] == [True]


def test_the_address_is_signed_and_leads_to_the_recording(recordings: Recordings) -> None:
    address = httpx.URL(recordings.address(CALL))
    assert address.path.endswith(recording_key(*CALL[:2]))
    assert address.params["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert address.params["X-Amz-Expires"] == "300"
