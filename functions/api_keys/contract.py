"""What the API key routes answer."""

from typing_extensions import TypedDict

from sovereign.http.contract.operation import DONE, Done, JsonObject, Moment, Operation, Operations, envelope


class ApiKey(TypedDict):
    """A key by its last four characters; `rate_limit_per_minute` null = unlimited."""

    id: str
    name: str
    last_four: str
    rate_limit_per_minute: int | None
    created_at: Moment


class NewApiKey(ApiKey):
    """With the key itself, which is shown this once; null when the response is a replay."""

    secret: str | None


_EXAMPLE: JsonObject = {
    "id": "3f1c6f0e-8f0a-4f5e-9a55-0d3b5a4c7e21",
    "name": "Back office",
    "last_four": "9f3a",
    "rate_limit_per_minute": 100,
    "created_at": "2026-11-23T09:30:00.000Z",
}

OPERATIONS: Operations = {
    "GET /api-keys": Operation(envelope(api_keys=list[ApiKey]), {"api_keys": [_EXAMPLE]}),
    "POST /api-keys": Operation(
        envelope(api_key=NewApiKey),
        {"api_key": {**_EXAMPLE, "secret": "fl_live_0123456789abcdef0123456789abcdef01239f3a"}},
        request={"name": "Back office"},
        created="/api_key/id",
    ),
    "DELETE /api-keys/{key_id}": Operation(Done, DONE),
}
