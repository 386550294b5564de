"""A campaign's system message, filled with a lead's variables. Pure."""

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class MissingVariableError(ValueError):
    """The lead has no value for a placeholder."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def fill(template: str, variables: Mapping[str, str]) -> str:
    """The template with each `{{name}}` replaced; a value is put in as it is. Raises MissingVariableError."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in variables:
            raise MissingVariableError(name)
        return variables[name]

    return _PLACEHOLDER.sub(value, template)
