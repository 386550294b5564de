"""What a function's `contract.py` tells of its operations beyond what routes and request models tell themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, create_model
from typing_extensions import TypedDict

JsonObject = dict[str, Any]

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""ISO 8601 in UTC with milliseconds and `Z`."""
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class Pagination(TypedDict):
    """Where a page lies in the whole list."""

    total: int
    limit: int
    offset: int


class CursorPagination(TypedDict):
    """`next_cursor` null: the last page."""

    limit: int
    next_cursor: str | None


class Done(TypedDict):
    """The act is done."""

    success: Literal[True]


DONE = {"success": True}


@dataclass(frozen=True)
class Operation:
    """One operation. `answer` is the type of the successful body, `example` an instance of it.

    `request` is an example of the body; `members` and `rules` make its schema more precise than the model's where the
    code checks in a second step: types of members, and further JSON Schema keywords. `errors` are statuses beyond those
    every operation of its kind can answer. `created` is the JSON pointer of the new object's id.
    """

    answer: Any
    example: Any
    request: JsonObject | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    rules: JsonObject = field(default_factory=dict)
    errors: Sequence[int] = ()
    created: str | None = None
    redirects_to: str | None = None
    """What the address in `Location` is; such an operation has no body, and `answer` is not looked at."""
    unavailable_answer: bool = False
    """503 has the same body as 200."""


Operations = Mapping[str, Operation]
"""By method and path below the base path, as the router has it: `GET /numbers/{number_id}`."""


def view(name: str, *sources: type[BaseModel], without: Sequence[str] = (), **members: Any) -> type[BaseModel]:
    """The response form of domain models: all their members, none optional, and `members` beside them."""
    fields: dict[str, Any] = {}
    for source in sources:
        for member, info in source.model_fields.items():
            if member not in without:
                kind = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
                fields[member] = (kind, Field(alias=info.alias))
    return _model(name, fields | {member: (kind, ...) for member, kind in members.items()})


def schema_of(kind: Any, components: JsonObject) -> JsonObject:
    """The JSON Schema of a type; the models it uses are added to `components`."""
    schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}", mode="validation")
    for name, definition in schema.pop("$defs", {}).items():
        components.setdefault(name, definition)
    return schema


def envelope(**members: Any) -> type[BaseModel]:
    """The body around an object or a list, e.g. `{"numbers": [...]}`."""
    parts = "".join(part.title() for member in members for part in member.split("_"))
    return _model(f"{parts}Body", {member: (kind, ...) for member, kind in members.items()})


def _model(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    model: type[BaseModel] = create_model(name, **fields)
    return model


@dataclass(frozen=True)
class Resource:
    """A resource with the usual operations under `/<path>` and `/<path>/{<parameter>}`."""

    path: str
    parameter: str
    plural: str
    singular: str
    shown: Any
    example: JsonObject
    create: JsonObject
    change: JsonObject
    listed: Any = None
    listed_example: JsonObject | None = None
    warns: bool = False
    members: Mapping[str, Any] = field(default_factory=dict)

    def operations(self) -> dict[str, Operation]:
        """List, create, read, change and delete."""
        collection, item = f"/{self.path}", f"/{self.path}/{{{self.parameter}}}"
        one = envelope(**{self.singular: self.shown})
        saved = _with_warnings(one) if self.warns else one
        several = envelope(**{self.plural: list.__class_getitem__(self.listed or self.shown)})
        example = {self.singular: self.example}
        created = f"/{self.singular}/id"
        return {
            f"GET {collection}": Operation(several, {self.plural: [self.listed_example or self.example]}),
            f"POST {collection}": Operation(
                saved, example, request=self.create, members=self.members, created=created, errors=(404,)
            ),
            f"GET {item}": Operation(one, example),
            f"PATCH {item}": Operation(saved, example, request=self.change, members=self.members),
            f"DELETE {item}": Operation(Done, DONE),
        }


def _with_warnings(body: type[BaseModel]) -> type[BaseModel]:
    kind = Annotated[list[str], Field(description="What was accepted and has no effect, one entry per member.")]
    warned: type[BaseModel] = create_model(f"{body.__name__}WithWarnings", __base__=body, warnings=(kind, []))
    return warned
