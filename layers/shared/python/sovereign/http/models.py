"""The base of every request body: strict types, no unknown members, deprecated spellings unified."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from sovereign.kernel.egress import EgressRefusedError, check_url
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.spellings import DifferingSpellingsError, unify_spellings


class RequestModel(BaseModel):
    """A request body, or an object inside one. Types are strict: `"5"` and `true` are no integers.

    `read_only` names the response's members a client may send back on PATCH: equal to the stored value they are
    ignored, else refused (`changes`). They are not fields, so on a model without the name they are unknown.
    """

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=False)

    read_only: ClassVar[frozenset[str]] = frozenset()
    _read_only_given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _normalise(cls, given: Any, build: Any) -> Any:
        if not isinstance(given, Mapping):
            return build(given)
        try:
            unified = unify_spellings(given, cls.model_fields.keys() | cls.read_only)
        except DifferingSpellingsError as failure:
            raise PydanticCustomError("differing_spellings", "{problem}", {"problem": str(failure)}) from None
        sent_back = {name: unified.pop(name) for name in cls.read_only if name in unified}
        model = build(unified)
        model._read_only_given = sent_back
        return model

    def given(self) -> dict[str, Any]:
        """The members that were sent, nested models as dicts of theirs; an explicit null is there as None."""
        return self.model_dump(exclude_unset=True)

    def sends_back(self, name: str) -> bool:
        """Whether a read-only member was sent: for one that is read only to be compared."""
        return name in self._read_only_given

    def changes(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """What a PATCH changes. `stored` is the object as responses show it; InvalidRequestError names each read-only
        member that differs from it."""
        refused = [n for n, value in sorted(self._read_only_given.items()) if n not in stored or stored[n] != value]
        if refused:
            details = [f"{name}: is read-only and differs from the stored value" for name in refused]
            raise InvalidRequestError("The request is not valid; see details.", details=details)
        return self.given()


def _checked_url(url: str) -> str:
    try:
        return check_url(url)
    except EgressRefusedError as refused:
        raise PydanticCustomError("url_refused", "{problem}", {"problem": str(refused)}) from None


SafeUrl = Annotated[str, AfterValidator(_checked_url)]
"""A URL the platform may call one day: http(s), no credentials, no literal private address."""
