"""Where analysis templates are kept."""

from collections.abc import Mapping
from typing import Any

from sovereign.analysis_templates.model import KIND, AnalysisTemplate, members_of
from sovereign.kernel.document_store import DocumentStore
from sovereign.kernel.documents import Members


class AnalysisTemplateStore(DocumentStore[AnalysisTemplate]):
    """The analysis templates of all organizations."""

    kind = KIND
    noun = "analysis template"
    document = AnalysisTemplate

    def checked(self, given: Mapping[str, Any]) -> Members:
        """See `members_of`."""
        return members_of(given)
