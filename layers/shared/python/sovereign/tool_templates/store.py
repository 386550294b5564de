"""Where tool templates are kept."""

from collections.abc import Mapping
from typing import Any

from sovereign.kernel.document_store import DocumentStore
from sovereign.kernel.documents import Members
from sovereign.tool_templates.model import KIND, ToolTemplate, changed_members, members_of


class ToolTemplateStore(DocumentStore[ToolTemplate]):
    """The tool templates of all organizations."""

    kind = KIND
    noun = "tool template"
    document = ToolTemplate

    def checked(self, given: Mapping[str, Any]) -> Members:
        """See `members_of`."""
        return members_of(given)

    def changed(self, stored: Members, given: Mapping[str, Any]) -> Members:
        """See `changed_members`."""
        return changed_members(stored, given)
