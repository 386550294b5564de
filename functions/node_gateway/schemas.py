"""What the gateway is invoked with."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = ["REQUEST", "ControlRequest", "DialRequest"]

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
"""Goes into a path, so it is only what our ids are made of."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    org_id: Id
    call_id: Id


class DialRequest(_Request):
    """Give an outbound call to a node."""

    action: Literal["dial"]


class ControlRequest(_Request):
    """Send a command to the node of a call."""

    action: Literal["control"]
    node_id: Annotated[str, Field(min_length=1, max_length=256)]
    command: dict[str, Any]


REQUEST: TypeAdapter[DialRequest | ControlRequest] = TypeAdapter(
    Annotated[DialRequest | ControlRequest, Field(discriminator="action")]
)
