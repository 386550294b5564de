"""Conditions of writes and queries: boto3's own, rendered into DynamoDB's expression language."""

from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionExpressionBuilder, Key
from boto3.dynamodb.conditions import ConditionBase as Condition

__all__ = ["Attr", "Condition", "Key", "Placeholders"]


@dataclass
class Placeholders:
    """The names and values of one request's expressions; each gets a placeholder of its own."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute's name."""
        self.names[placeholder := f"#u{len(self.names)}"] = attribute
        return placeholder

    def value(self, value: Any) -> str:
        """The placeholder of a value."""
        self.values[placeholder := f":u{len(self.values)}"] = value
        return placeholder

    def render(self, condition: Condition, *, is_key_condition: bool = False) -> str:
        """The expression of a condition (one a request); its names and values join those of the request."""
        built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=is_key_condition)
        self.names |= built.attribute_name_placeholders
        self.values |= built.attribute_value_placeholders
        return built.condition_expression
