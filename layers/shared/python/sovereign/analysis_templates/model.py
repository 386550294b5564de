"""An analysis template: the prompts and the schema of what is to be read out of a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from sovereign.catalog.base import Strict
from sovereign.catalog.json_schema import check_schema
from sovereign.catalog.problems import validate
from sovereign.kernel.documents import Document, Members, json_bytes
from sovereign.kernel.errors import InvalidRequestError

KIND = "ANALYSIS_TEMPLATE"
MAX_SCHEMA_BYTES = 64 * 1024
"""Of the schema as JSON; it is sent to the model with every analysis."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
PromptText = Annotated[str, Field(min_length=1, max_length=20_000)]
Schema = Annotated[dict[str, Any], AfterValidator(check_schema), Field(alias="schema")]


class AnalysisTemplateOptions(Strict):
    """The members that may be left out."""

    description: Annotated[str, Field(max_length=2000)] | None = None


class AnalysisTemplateSettings(AnalysisTemplateOptions):
    """The writable members. `user_prompt` takes `{transcript}`, `{summary}`, `{duration}` and `{caller_number}`."""

    name: Name
    system_prompt: PromptText
    user_prompt: PromptText
    json_schema: Schema


class AnalysisTemplateChanges(AnalysisTemplateOptions):
    """A change: only the members that were sent count."""

    name: Name = Field(default_factory=str)
    system_prompt: PromptText = Field(default_factory=str)
    user_prompt: PromptText = Field(default_factory=str)
    json_schema: Schema = Field(default_factory=dict)


@dataclass(frozen=True)
class AnalysisTemplate(Document):
    """A saved template."""

    @property
    def system_prompt(self) -> str:
        """What the model is."""
        return str(self.members["system_prompt"])

    @property
    def user_prompt(self) -> str:
        """What the model is asked, placeholders unfilled."""
        return str(self.members["user_prompt"])

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the answer."""
        schema: Mapping[str, Any] = self.members["schema"]
        return schema


def members_of(given: Mapping[str, Any]) -> Members:
    """The members to store. Raises InvalidRequestError naming every bad one."""
    settings = validate(AnalysisTemplateSettings, given)
    if json_bytes(settings.json_schema) > MAX_SCHEMA_BYTES:
        raise InvalidRequestError(details=[f"schema: must not be larger than {MAX_SCHEMA_BYTES} bytes as JSON"])
    return settings.model_dump(mode="json", by_alias=True)
