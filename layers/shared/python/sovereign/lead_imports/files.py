"""The files of imports in S3. Every method blocks; everything may be repeated.

An upload lies where its address leads, and is moved away before it is read: whoever still has the address changes
nothing any more.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from sovereign.kernel import aws
from sovereign.kernel.clock import to_wire
from sovereign.lead_imports.model import KEPT, MAX_FILE_BYTES, UPLOADS, LeadImport

PIECE: Final = 1024 * 1024
"""Bytes read at once: a request each, so that no connection stays open while rows are stored."""
LINK_SECONDS: Final = 900
_DELETED_AT_ONCE: Final = 1000
_UPLOAD: Final = re.compile(rf"{UPLOADS}([0-9a-f-]{{36}})/([0-9a-f-]{{36}})/([0-9a-f-]{{36}})\.csv")


class ImportFilesNotErasedError(Exception):
    """S3 refused to delete a file of an import; asking again tries again, and the bucket forgets in the end."""


class ImportKey(NamedTuple):
    """Names an import."""

    org_id: str
    campaign_id: str
    import_id: str

    @classmethod
    def of(cls, job: LeadImport) -> "ImportKey":
        """The key of an import."""
        return cls(job.org_id, job.campaign_id, job.id)

    @classmethod
    def of_upload(cls, object_key: str) -> "ImportKey | None":
        """The import whose upload an object is; None for any other object."""
        found = _UPLOAD.fullmatch(object_key)
        return cls(*found.groups()) if found else None

    @property
    def upload(self) -> str:
        """Where the upload's address leads."""
        return f"{UPLOADS}{self.org_id}/{self.campaign_id}/{self.import_id}.csv"

    @property
    def source(self) -> str:
        """The file that is read."""
        return f"{KEPT}{self.org_id}/{self.campaign_id}/{self.import_id}/source.csv"

    @property
    def errors(self) -> str:
        """The rows that were left out."""
        return f"{KEPT}{self.org_id}/{self.campaign_id}/{self.import_id}/errors.csv"


class ImportFiles:
    """The imports bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._client = aws.client("s3")

    def upload_form(self, job: LeadImport, now: datetime) -> dict[str, Any] | None:
        """What to send the file with: a form S3 accepts until `expires_at`, for a file within the bounds; None when
        that is over."""
        seconds = int((job.upload_until - now).total_seconds())
        if job.status != "waiting" or seconds < 1:
            return None
        form = self._client.generate_presigned_post(
            self._bucket,
            ImportKey.of(job).upload,
            Conditions=[["content-length-range", 1, MAX_FILE_BYTES]],
            ExpiresIn=seconds,
        )
        return {
            "method": "POST",
            "url": form["url"],
            "fields": form["fields"],
            "max_bytes": MAX_FILE_BYTES,
            "expires_at": to_wire(job.upload_until),
        }

    def errors_link(self, job: LeadImport, now: datetime) -> dict[str, Any] | None:
        """Where the error file can be fetched for a quarter of an hour; None when there is none."""
        if job.errors_until(now) is None:
            return None
        url = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": ImportKey.of(job).errors,
                "ResponseContentType": "text/csv; charset=utf-8",
                "ResponseContentDisposition": f'attachment; filename="{job.id}-errors.csv"',
            },
            ExpiresIn=LINK_SECONDS,
        )
        return {"url": url, "expires_at": to_wire(now + timedelta(seconds=LINK_SECONDS))}

    def take_upload(self, key: ImportKey) -> int | None:
        """Copy the upload to where only this platform writes; its size in bytes, None when nothing was uploaded."""
        size = self._size(key.upload)
        if size is None or size > MAX_FILE_BYTES:
            return size
        self._client.copy_object(
            Bucket=self._bucket, Key=key.source, CopySource={"Bucket": self._bucket, "Key": key.upload}
        )
        return self._size(key.source)  # another upload may have come between

    def pieces(self, key: ImportKey, size: int, offset: int) -> Iterator[bytes]:
        """The file from an offset on, a piece a request."""
        while offset < size:
            last = min(offset + PIECE, size) - 1
            answer = self._client.get_object(Bucket=self._bucket, Key=key.source, Range=f"bytes={offset}-{last}")
            yield answer["Body"].read()
            offset = last + 1

    def put_errors(self, key: ImportKey, body: bytes) -> None:
        """Store the error file."""
        self._client.put_object(Bucket=self._bucket, Key=key.errors, Body=body, ContentType="text/csv; charset=utf-8")

    def erase_sources(self, key: ImportKey) -> None:
        """Delete the file in both places; the error file stays."""
        self._delete([key.upload, key.source])

    def erase_import(self, key: ImportKey) -> None:
        """Delete every file of an import."""
        self._delete([key.upload, key.source, key.errors])

    def erase_campaign(self, org_id: str, campaign_id: str) -> None:
        """Delete every file of a campaign's imports. Raises ImportFilesNotErasedError."""
        for area in (UPLOADS, KEPT):
            prefix = f"{area}{org_id}/{campaign_id.lower()}/"
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                self._delete([found["Key"] for found in page.get("Contents", [])])

    def _size(self, object_key: str) -> int | None:
        try:
            return self._client.head_object(Bucket=self._bucket, Key=object_key)["ContentLength"]
        except ClientError as failure:
            if failure.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
                return None
            raise

    def _delete(self, keys: list[str]) -> None:
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            objects = [{"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]  # built from the listing
            if answer.get("Errors"):
                raise ImportFilesNotErasedError
