"""Conditions of writes and queries as values, rendered into DynamoDB's expression language."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Attr", "Condition", "Placeholders"]


@dataclass
class Placeholders:
    """The names and values of one request's expressions; each gets a placeholder of its own."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute's name."""
        self.names[placeholder := f"#n{len(self.names)}"] = attribute
        return placeholder

    def value(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values[placeholder := f":v{len(self.values)}"] = value
        return placeholder


class Condition(ABC):
    """A condition; `&` and `|` join two."""

    def __and__(self, other: "Condition") -> "Condition":
        return _Joined("AND", self, other)

    def __or__(self, other: "Condition") -> "Condition":
        return _Joined("OR", self, other)

    @abstractmethod
    def render(self, placeholders: Placeholders) -> str:
        """The expression, its names and values put into `placeholders`."""


@dataclass(frozen=True)
class _Joined(Condition):
    operator: str
    left: Condition
    right: Condition

    def render(self, placeholders: Placeholders) -> str:
        left, right = self.left.render(placeholders), self.right.render(placeholders)
        return f"({left} {self.operator} {right})"


@dataclass(frozen=True)
class _Test(Condition):
    """`template` says where the attribute's name (`{name}`) and the operands (`{0}`, `{1}`) go."""

    template: str
    attribute: str
    operands: tuple[Any, ...] = ()

    def render(self, placeholders: Placeholders) -> str:
        operands = [placeholders.value(operand) for operand in self.operands]
        return self.template.format(*operands, name=placeholders.name(self.attribute))


_COMPARISONS: Mapping[str, str] = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True)
class Attr:
    """An attribute, to make conditions of."""

    attribute: str

    def eq(self, value: Any) -> Condition:
        """Equal to a value; false when the attribute is absent."""
        return self._compared("eq", value)

    def ne(self, value: Any) -> Condition:
        """Not equal to a value; true when the attribute is absent."""
        return self._compared("ne", value)

    def lt(self, value: Any) -> Condition:
        """Less than a value of the same kind; false when the attribute is absent."""
        return self._compared("lt", value)

    def lte(self, value: Any) -> Condition:
        """Less than a value of the same kind or equal to it; false when the attribute is absent."""
        return self._compared("lte", value)

    def gt(self, value: Any) -> Condition:
        """Greater than a value of the same kind; false when the attribute is absent."""
        return self._compared("gt", value)

    def gte(self, value: Any) -> Condition:
        """Greater than a value of the same kind or equal to it; false when the attribute is absent."""
        return self._compared("gte", value)

    def between(self, low: Any, high: Any) -> Condition:
        """Within two values of the same kind, both included."""
        return _Test("{name} BETWEEN {0} AND {1}", self.attribute, (low, high))

    def begins_with(self, prefix: str) -> Condition:
        """A text that begins so."""
        return _Test("begins_with({name}, {0})", self.attribute, (prefix,))

    def exists(self) -> Condition:
        """The item has the attribute, null included."""
        return _Test("attribute_exists({name})", self.attribute)

    def not_exists(self) -> Condition:
        """The item does not have the attribute."""
        return _Test("attribute_not_exists({name})", self.attribute)

    def attribute_type(self, kind: str) -> Condition:
        """The attribute is of a kind DynamoDB names (`S`, `N`, `NULL`, ...)."""
        return _Test("attribute_type({name}, {0})", self.attribute, (kind,))

    def _compared(self, comparison: str, value: Any) -> Condition:
        return _Test(f"{{name}} {_COMPARISONS[comparison]} {{0}}", self.attribute, (value,))
