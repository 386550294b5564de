"""What every provider's configuration has in common: strict types, and fields of a sibling provider set aside."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

Kind = Literal["text", "realtime"]


class Strict(BaseModel):
    """An immutable part of a configuration: JSON types as they are, unknown members refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class ProviderConfig(Strict):
    """One provider's configuration. `provider` names it; a subclass says which models and members it knows."""

    # members known to any provider of the section; filled once the section is complete (`close_section`)
    section_members: ClassVar[frozenset[str]] = frozenset()
    _ignored: tuple[str, ...] = PrivateAttr(default=())

    provider: str

    @property
    def ignored(self) -> tuple[str, ...]:
        """Members that were sent, belong to another provider of the section, and have no effect here."""
        return self._ignored

    @classmethod
    def set_aside(cls, given: dict[str, Any]) -> list[str]:
        """Remove from `given` what has no effect with this provider though the section knows it; return the names."""
        aside = sorted((set(given) & cls.section_members) - cls.wire_names())
        for name in aside:
            del given[name]
        return aside

    @classmethod
    def wire_names(cls) -> set[str]:
        """The members of this configuration as they are spelled in JSON."""
        return {field.alias or name for name, field in cls.model_fields.items()}

    @model_validator(mode="wrap")
    @classmethod
    def _set_foreign_members_aside(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            return handler(value)
        given = dict(value)
        aside = cls.set_aside(given)
        config = handler(given)
        config._ignored = tuple(aside)
        return config

    def stored(self) -> dict[str, Any]:
        """As JSON values with the defaults written out; members without a value are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


ConfigType = TypeVar("ConfigType", bound=ProviderConfig)


def close_section(configs: Iterable[type[ProviderConfig]]) -> None:
    """Tell every configuration of a section which members its siblings know."""
    configs = list(configs)
    members = frozenset(name for config in configs for name in config.wire_names())
    for config in configs:
        config.section_members = members


def by_provider(
    configs: Mapping[str, type[ConfigType]],
    *,
    aliases: Mapping[str, str] | None = None,
    refused: Mapping[str, str] | None = None,
) -> Callable[[Any], Any]:
    """A validator that picks the configuration by `provider`, so that error paths carry no tag of a union.

    `aliases` are other spellings of a provider's name; `refused` are names answered with a reason of their own.
    """

    def pick(value: Any) -> Any:
        if isinstance(value, ProviderConfig):
            return value
        if not isinstance(value, Mapping):
            raise PydanticCustomError("object_type", "must be an object")
        name = value.get("provider")
        if isinstance(name, str):
            name = (aliases or {}).get(name, name)
            if name in configs:
                return configs[name].model_validate({**value, "provider": name})
        raise _at_provider(_why(name, list(configs), refused or {}))

    return pick


def _why(provider: Any, known: list[str], refused: Mapping[str, str]) -> PydanticCustomError:
    if provider is None:
        return PydanticCustomError("missing", "required")
    if isinstance(provider, str) and provider in refused:
        return PydanticCustomError("provider_not_offered", "{reason}", {"reason": refused[provider]})
    return PydanticCustomError("unknown_provider", "must be one of {known}", {"known": ", ".join(known)})


def _at_provider(error: PydanticCustomError) -> ValidationError:
    return ValidationError.from_exception_data(
        "ProviderConfig", [InitErrorDetails(type=error, loc=("provider",), input=None)]
    )
