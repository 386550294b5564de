"""Recordings in S3. Every method blocks; everything may be repeated."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Final

from sovereign.calls.model import CallRef
from sovereign.kernel import aws
from sovereign.recordings.assembly import Assembly, Slice, Stored
from sovereign.recordings.layout import SegmentName, prefix_of, recording_key

__all__ = ["RecordingNotErasedError", "Recordings"]

LINK_SECONDS: Final = 300
"""How long an address of the storage may be fetched: long enough to start a download."""
_DELETED_AT_ONCE: Final = 1000
_READ_AT_ONCE: Final = 8


class RecordingNotErasedError(Exception):
    """S3 refused to delete a part of a recording; the next run tries again."""


class Recordings:
    """The recordings bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._client = aws.client("s3")

    def put_segment(self, call: CallRef, name: SegmentName, pcm: bytes) -> None:
        """Store a piece of a running call."""
        self._client.put_object(Bucket=self._bucket, Key=name.key(call.org_id, call.call_id), Body=pcm)

    def finish(self, call: CallRef) -> bool:
        """Make one WAV file of what was stored while the call ran; whether there is a recording.

        It need not know who recorded or how far: after a lost node it finds what that had stored. The segments go only
        once the file is complete; those stored after that are put into it when this is done again.
        """
        found = list(self._objects(call))
        target = recording_key(call.org_id, call.call_id)
        made = next((stored for stored in found if stored.key == target), None)
        segments = [stored for stored in found if stored.segment]
        if segments:
            self._write(target, Assembly(segments, made))
        self._delete(call, [stored.key for stored in segments])
        return made is not None or bool(segments)

    def address(self, call: CallRef) -> str:
        """An address of the finished recording that anybody may fetch for five minutes."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": recording_key(call.org_id, call.call_id),
                "ResponseContentType": "audio/wav",
                "ResponseContentDisposition": f'inline; filename="{call.call_id}.wav"',
            },
            ExpiresIn=LINK_SECONDS,
        )

    def erase(self, call: CallRef) -> None:
        """Delete every object of a call. Raises RecordingNotErasedError."""
        self._delete(call, [stored.key for stored in self._objects(call)])

    def _objects(self, call: CallRef) -> Iterator[Stored]:
        prefix = prefix_of(call.org_id, call.call_id)
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield Stored(found["Key"], found["Size"])

    def _write(self, target: str, assembly: Assembly) -> None:
        parts = self._contents(assembly)
        first = next(parts)
        if assembly.is_one_part:
            self._client.put_object(Bucket=self._bucket, Key=target, Body=first, ContentType="audio/wav")
            return
        upload_id = self._client.create_multipart_upload(Bucket=self._bucket, Key=target, ContentType="audio/wav")[
            "UploadId"
        ]
        try:
            tags = [self._part(target, upload_id, number, body) for number, body in enumerate(chain([first], parts), 1)]
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=target,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]},
            )
        except BaseException:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=target, UploadId=upload_id)
            raise

    def _part(self, target: str, upload_id: str, number: int, body: bytes) -> str:
        return self._client.upload_part(
            Bucket=self._bucket, Key=target, UploadId=upload_id, PartNumber=number, Body=body
        )["ETag"]

    def _contents(self, assembly: Assembly) -> Iterator[bytes]:
        """The file in parts as S3 wants them; one part and the segments of the next are in memory at most."""
        with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            for pieces in assembly.parts():
                yield b"".join(pool.map(lambda piece: piece if isinstance(piece, bytes) else self._read(piece), pieces))

    def _read(self, piece: Slice) -> bytes:
        key, start, size = piece
        wanted = f"bytes={start}-{start + size - 1}"
        return self._client.get_object(Bucket=self._bucket, Key=key, Range=wanted)["Body"].read()

    def _delete(self, call: CallRef, keys: list[str]) -> None:
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            objects = [{"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]  # built from the listing
            if answer.get("Errors"):
                raise RecordingNotErasedError(call.call_id)
