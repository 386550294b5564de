"""What the do-not-call routes answer."""

from sovereign.do_not_call import Listing
from sovereign.http.contract.operation import (
    DONE,
    CursorPagination,
    Done,
    JsonObject,
    Moment,
    Operation,
    Operations,
    envelope,
    view,
)

Entry = view("DoNotCallEntry", Listing, created_at=Moment)
_EXAMPLE: JsonObject = {
    "phone_number": "+12025550143",
    "reason": "Asked not to be called.",
    "created_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = {
    "GET /do-not-call": Operation(
        envelope(entries=list[Entry], pagination=CursorPagination),  # type: ignore[valid-type]  # made from the model
        {"entries": [_EXAMPLE], "pagination": {"limit": 100, "next_cursor": None}},
    ),
    "POST /do-not-call": Operation(
        envelope(entry=Entry),
        {"entry": _EXAMPLE},
        request={"phone_number": "+12025550143", "reason": "Asked not to be called."},
        created="/entry/phone_number",
    ),
    "DELETE /do-not-call/{number}": Operation(Done, DONE),
}
