"""`limit` and `offset` of a paginated list."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from pydantic import Field

from sovereign.http.parameters import PLAIN_DIGITS

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_OFFSET = 999_999_999_999
"""Row numbers have twelve digits, so no list is longer."""


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list is asked for."""

    limit: int
    offset: int

    def pagination(self, total: int) -> dict[str, int]:
        """The `pagination` member of the response."""
        return {"total": total, "limit": self.limit, "offset": self.offset}


async def _page_request(
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), PLAIN_DIGITS] = DEFAULT_LIMIT,
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET), PLAIN_DIGITS] = 0,
) -> PageRequest:
    return PageRequest(limit, offset)


PageDep = Annotated[PageRequest, Depends(_page_request)]
