"""Python values as DynamoDB's attribute values and back.

Ours instead of boto3's: loading boto3 for it would load its S3 transfer machinery, a sixth of a cold start.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Clamped, Context, Decimal, DecimalException, Inexact, Overflow, Rounded, Underflow
from types import UnionType
from typing import Any

__all__ = ["Item", "from_attributes", "to_attributes"]

Item = dict[str, Any]
"""An item as Python values: numbers are int or float, binary is bytes, sets are sets."""

_NUMBERS = Context(prec=38, Emin=-130, Emax=125, traps=[Clamped, Inexact, Overflow, Rounded, Underflow])
"""What a number of DynamoDB can be; nothing is rounded silently."""


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """Python values to DynamoDB's attribute values. Raises TypeError for a value it cannot hold (a NaN, an empty set, a
    number of more than 38 digits)."""
    return {name: _attribute(value) for name, value in item.items()}


def from_attributes(raw: Mapping[str, Any]) -> Item:
    """DynamoDB's attribute values (a response's or a stream record's) to Python values."""
    return {name: _value(attribute) for name, attribute in raw.items()}


def _attribute(value: Any) -> dict[str, Any]:
    for kinds, encode in _ENCODERS:
        if isinstance(value, kinds):
            return encode(value)
    raise TypeError(f"the table holds no {type(value).__name__}")


def _set_attribute(members: Iterable[Any]) -> dict[str, Any]:
    attributes = [_attribute(member) for member in members]
    kinds = {kind for attribute in attributes for kind in attribute}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise TypeError("a set holds texts, numbers or bytes, of one kind and at least one")
    kind = kinds.pop()
    return {f"{kind}S": [attribute[kind] for attribute in attributes]}


def _number_text(number: float | Decimal) -> str:
    try:
        exact = _NUMBERS.create_decimal(number if isinstance(number, Decimal) else repr(number))
    except DecimalException:
        exact = Decimal("NaN")
    if not exact.is_finite():
        raise TypeError("a number has at most 38 digits, and lies between 1E-130 and 1E+126")
    return str(exact)


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, stored),) = attribute.items()
    return _DECODERS[kind](stored)


def _number(text: str) -> int | float:
    exact = Decimal(text)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


_ENCODERS: Sequence[tuple[type | UnionType, Callable[[Any], dict[str, Any]]]] = (
    (str, lambda text: {"S": text}),
    (bool, lambda truth: {"BOOL": truth}),  # before the numbers, of which it is one
    (int | float | Decimal, lambda number: {"N": _number_text(number)}),
    (type(None), lambda _: {"NULL": True}),
    (Mapping, lambda members: {"M": to_attributes(members)}),
    (list | tuple, lambda members: {"L": [_attribute(member) for member in members]}),
    (bytes | bytearray, lambda binary: {"B": bytes(binary)}),
    (set | frozenset, _set_attribute),
)
_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "S": lambda text: text,
    "BOOL": lambda truth: truth,
    "N": _number,
    "NULL": lambda _: None,
    "M": from_attributes,
    "L": lambda members: [_value(member) for member in members],
    "B": bytes,
    "SS": set,
    "NS": lambda members: {_number(member) for member in members},
    "BS": lambda members: {bytes(member) for member in members},
}
