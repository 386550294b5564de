"""Recordings in S3: every object of a call lies under `<org_id>/<call_id>/`."""

from sovereign.calls.model import CallRef
from sovereign.kernel import aws


class Recordings:
    """The recordings bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._client = aws.client("s3")

    def erase(self, call: CallRef) -> None:
        """Delete every object of a call."""
        prefix = f"{call.org_id}/{call.call_id}/"
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            objects = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            if not objects:
                continue
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]  # built from the listing
            if answer.get("Errors"):
                raise RecordingNotErasedError(call.call_id)


class RecordingNotErasedError(Exception):
    """S3 refused to delete a part of a recording; the next run tries again."""
