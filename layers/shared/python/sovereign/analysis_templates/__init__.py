"""Analysis templates: what is read out of a call, saved once and named by many assistants."""

from sovereign.analysis_templates.model import (
    KIND,
    AnalysisTemplate,
    AnalysisTemplateChanges,
    AnalysisTemplateSettings,
)
from sovereign.analysis_templates.store import AnalysisTemplateStore

__all__ = [
    "KIND",
    "AnalysisTemplate",
    "AnalysisTemplateChanges",
    "AnalysisTemplateSettings",
    "AnalysisTemplateStore",
]
