"""Python values as DynamoDB's attribute values and back.

They are written by boto3's serializer, with floats and plain bytes allowed, and read in one pass over the answer as it
came: lists spend their time here (docs/decisions/022).
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal, DecimalException
from typing import Any, Final

from boto3.dynamodb.types import TypeSerializer

__all__ = ["Item", "from_attributes", "to_attributes"]

Item = dict[str, Any]
"""An item as Python values: numbers are int or float, binary is bytes, sets are sets."""

_serialize = TypeSerializer().serialize


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Python values to DynamoDB's attribute values. Raises TypeError for a value it cannot hold (a NaN, an empty set, a
    number of more than 38 digits)."""
    try:
        return {name: _serialize(_storable(value)) for name, value in item.items()}
    except DecimalException:
        raise TypeError("a number has at most 38 digits, and lies between 1E-130 and 1E+126") from None


def from_attributes(raw: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values (an answer's or a stream record's, binary in base64 or not) to Python values."""
    return {name: _read(value) for name, value in raw.items()}


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


def _read(value: Mapping[str, Any]) -> Any:
    kind = next(iter(value))  # the only one there is
    return _READERS[kind](value[kind])


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)


def _bytes(held: str | bytes) -> bytes:
    return held if isinstance(held, bytes) else b64decode(held)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "S": str,
    "N": _number,
    "B": _bytes,
    "BOOL": bool,
    "NULL": lambda _: None,
    "L": lambda held: [_read(member) for member in held],
    "M": from_attributes,
    "SS": set,
    "NS": lambda held: {_number(member) for member in held},
    "BS": lambda held: {_bytes(member) for member in held},
}
