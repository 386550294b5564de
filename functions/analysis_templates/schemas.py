"""Bodies of the analysis template routes."""

from typing import Any, ClassVar

from pydantic import ConfigDict

from sovereign.analysis_templates import AnalysisTemplateChanges, AnalysisTemplateSettings
from sovereign.http import RequestModel


class AnalysisTemplateCreate(RequestModel, AnalysisTemplateSettings):
    """A new template: everything but `description` is required."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    def members(self) -> dict[str, Any]:
        """What was sent, in the spelling of the wire."""
        return self.model_dump(exclude_unset=True, by_alias=True)


class AnalysisTemplatePatch(RequestModel, AnalysisTemplateChanges):
    """Members to change; a null clears the description."""

    model_config = ConfigDict(defer_build=False)  # FastAPI builds it now in any case

    read_only: ClassVar[frozenset[str]] = frozenset({"id", "org_id", "created_at", "updated_at"})

    def members(self) -> dict[str, Any]:
        """What was sent, in the spelling of the wire."""
        return self.model_dump(exclude_unset=True, by_alias=True)
