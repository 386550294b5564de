"""Python values as DynamoDB's attribute values and back: boto3's own types, with floats and plain bytes allowed."""

from collections.abc import Mapping
from decimal import Decimal, DecimalException
from typing import Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

__all__ = ["Item", "from_attributes", "to_attributes"]

Item = dict[str, Any]
"""An item as Python values: numbers are int or float, binary is bytes, sets are sets."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Python values to DynamoDB's attribute values. Raises TypeError for a value it cannot hold (a NaN, an empty set, a
    number of more than 38 digits)."""
    try:
        return {name: _serialize(_storable(value)) for name, value in item.items()}
    except DecimalException:
        raise TypeError("a number has at most 38 digits, and lies between 1E-130 and 1E+126") from None


def from_attributes(raw: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values (a response's or a stream record's) to Python values."""
    return {name: _plain(_deserialize(value)) for name, value in raw.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, float | Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else value
        if not number.is_finite():
            raise TypeError("infinities and NaN are no numbers of the table")
        return number
    if isinstance(value, Mapping):
        return {name: _storable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(member) for member in value]
    if isinstance(value, set | frozenset) and not value:
        raise TypeError("a set has at least one member")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Binary):
        return bytes(value)  # type: ignore[call-overload]  # it has __bytes__; the stubs do not know
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, set):
        return {_plain(member) for member in value}
    return value
