"""The contract itself."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Response

router = APIRouter(tags=["contract"])


@router.get("/openapi.json", summary="Get this document", openapi_extra={"security": []})
def read_openapi() -> Response:
    """OpenAPI 3.1, as it was generated from the code of this deployment."""
    document, tag = _document()
    return Response(document, media_type="application/json", headers={"ETag": tag})


@cache
def _document() -> tuple[bytes, str]:
    """The packaged copy and its entity tag; `openapi.json` beside this file is a link to `docs/openapi.json`."""
    document = Path(__file__).with_name("openapi.json").read_bytes()
    return document, f'"{sha256(document).hexdigest()[:32]}"'
