"""The analysis of a call that is over."""

from collections.abc import Mapping, Sequence
from typing import Any

from sovereign.analysis import prompts
from sovereign.analysis.prompts import TemplateValues
from sovereign.analysis.structured_data import AnalysisFailedError, extract
from sovereign.analysis.transcript import as_text, conversation
from sovereign.analysis_templates import AnalysisTemplate, AnalysisTemplateStore
from sovereign.assistants import EffectiveAssistant
from sovereign.assistants.settings import StructuredDataPlan
from sovereign.calls.model import Call, CallRef, Message
from sovereign.calls.store import CallStore
from sovereign.completion.interface import ChatCompletion, CompletionError, Prompt
from sovereign.completion.registry import CompletionChoice, Completions
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.errors import NotFoundError
from sovereign.kernel.observe import logger

DEFAULT_MIN_MESSAGES = 2
"""Without an analysis plan a shorter conversation is not summarised (the contract's default)."""

_log = logger()


class CallAnalyst:
    """Writes summaries and structured data."""

    def __init__(
        self, *, calls: CallStore, completions: Completions, cipher: Cipher, templates: AnalysisTemplateStore
    ) -> None:
        self._calls = calls
        self._completions = completions
        self._cipher = cipher
        self._templates = templates

    def analyse(self, ref: CallRef) -> None:
        """Write the call's summary and structured data, or why there are none. Does nothing when they are written."""
        call = self._calls.content.load_whole(ref)
        if call.summary is not None or call.reported:
            return
        findings = self._findings(call)
        if findings.error:
            _log.warning("analysis_failed", call_id=ref.call_id, reason=findings.error)
        self._calls.content.save_after_call(
            ref, summary=findings.summary, analysis_result=findings.analysis, analysis_error=findings.error
        )

    def _findings(self, call: Call) -> "_Findings":
        findings = _Findings()
        spoken = conversation(call.messages or ())
        if not spoken:
            return findings
        frozen = self._calls.content.load_frozen_assistant(call.ref)
        assistant = EffectiveAssistant.thaw(frozen, self._cipher, org_id=call.ref.org_id, call_id=call.ref.call_id)
        plan = assistant.settings.analysis_plan
        if len(spoken) < (plan.min_messages_threshold if plan else DEFAULT_MIN_MESSAGES):
            return findings
        model = assistant.postcall_llm
        try:
            completion = self._completions.open(CompletionChoice(model.provider, model.model), call.ref.org_id)
        except CompletionError as failure:
            findings.note(str(failure))
            return findings
        findings.summarise(completion, spoken)
        data = plan.structured_data_plan if plan else None
        if data and data.enabled:
            findings.extract(completion, data, call, self._template(call, data, findings))
        return findings

    def _template(self, call: Call, data: StructuredDataPlan, findings: "_Findings") -> AnalysisTemplate | None:
        if data.template_id is None:
            return None
        try:
            return self._templates.get(call.ref.org_id, data.template_id)
        except NotFoundError:
            findings.note("the analysis template does not exist any more")
            return None


class _Findings:
    """What was found; a failed part leaves its reason and does not keep the other from being tried."""

    def __init__(self) -> None:
        self.summary = ""
        self.analysis: Any = None
        self._problems: list[str] = []

    @property
    def error(self) -> str | None:
        """Why a part is missing; None when nothing is."""
        return "; ".join(self._problems) or None

    def note(self, problem: str) -> None:
        if problem not in self._problems:
            self._problems.append(problem)

    def summarise(self, completion: ChatCompletion, spoken: Sequence[Message]) -> None:
        try:
            self.summary = completion.complete(prompts.summary_prompts(as_text(spoken))).text.strip()
        except CompletionError as failure:
            self.note(str(failure))

    def extract(
        self, completion: ChatCompletion, plan: StructuredDataPlan, call: Call, template: AnalysisTemplate | None
    ) -> None:
        """Ask for the data; what the plan says itself beats the template it names."""
        schema = plan.json_schema if template is None or plan.json_schema is not None else template.schema
        if schema is None:
            return
        asked = self._asked(plan, call, schema, template)
        try:
            self.analysis = extract(completion, asked, schema)
        except (CompletionError, AnalysisFailedError) as failure:
            self.note(str(failure))

    def _asked(
        self, plan: StructuredDataPlan, call: Call, schema: Mapping[str, Any], template: AnalysisTemplate | None
    ) -> list[Prompt]:
        transcript = as_text(call.messages or ())
        if template is None or plan.messages:
            return prompts.data_prompts(
                [(message.role, message.content) for message in plan.messages],
                schema=schema,
                transcript=transcript,
                ended_reason=call.end_reason.value if call.end_reason else "",
            )
        values = TemplateValues(transcript, self.summary, call.duration_seconds or 0, call.caller_phone or "")
        return prompts.template_prompts(template.system_prompt, template.user_prompt, schema=schema, values=values)
