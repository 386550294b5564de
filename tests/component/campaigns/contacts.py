"""Numbers to call: real in form, one for each index."""

from typing import Any


def phone(index: int) -> str:
    return f"+316{10_000_000 + index}"


def contacts(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"phone_number": phone(start + index)} for index in range(count)]
