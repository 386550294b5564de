import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sovereign.analysis.analyst import CallAnalyst
from sovereign.analysis.reporting import write_report
from sovereign.analysis.structured_data import AnalysisFailedError, extract
from sovereign.analysis_templates import AnalysisTemplateStore
from sovereign.calls.model import CallRef, Message
from sovereign.completion.interface import ChatCompletion, Completion, CompletionError, Prompt
from sovereign.completion.registry import CompletionChoice
from tests.component.calls.harness import ORG, OTHER_ORG
from tests.component.webhooks.world import CIPHER, World

SCHEMA = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}, "required": ["mood"]}
PLAN = {"structured_data_plan": {"enabled": True, "schema": SCHEMA}}


class ScriptedModel:
    """Says the given texts in turn; an exception is raised."""

    def __init__(self, *says: str | Exception) -> None:
        self.says, self.asked, self.schemas = list(says), [], []  # type: ignore[var-annotated]

    def complete(self, messages: Sequence[Prompt], *, json_schema: Mapping[str, Any] | None = None) -> Completion:
        self.asked.append(list(messages))
        self.schemas.append(json_schema)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return Completion(said)


class Opened:
    def __init__(self, model: ScriptedModel | Exception) -> None:
        self.model, self.choices = model, []  # type: ignore[var-annotated]

    def open(self, choice: CompletionChoice, org_id: str) -> ChatCompletion:
        self.choices.append(choice)
        if isinstance(self.model, Exception):
            raise self.model
        return self.model


def analyse(world: World, ref: CallRef, model: ScriptedModel | Exception) -> Opened:
    opened = Opened(model)
    templates = AnalysisTemplateStore(world.table)
    CallAnalyst(calls=world.calls, completions=opened, cipher=CIPHER, templates=templates).analyse(ref)  # type: ignore[arg-type]
    return opened


def ended_call(world: World, *messages: Message, **members: Any) -> CallRef:
    ref = world.start_call(**members)
    world.end_call(ref, messages=list(messages) or None)
    return ref


def found(world: World, ref: CallRef) -> tuple[str | None, Any, str | None]:
    call = world.calls.content.load_whole(ref)
    return call.summary, call.analysis_result, call.analysis_error


def test_summary_and_data_are_written(world: World) -> None:
    ref = ended_call(world, analysis_plan=PLAN)
    model = ScriptedModel(" They greeted. ", '```json\n{"mood": "good"}\n```')
    opened = analyse(world, ref, model)
    assert found(world, ref) == ("They greeted.", {"mood": "good"}, None)
    assert opened.choices == [CompletionChoice("local", "extractive")]
    assert "user: Hello\nassistant: Good day" in model.asked[0][-1].content
    assert model.schemas == [None, SCHEMA]


def test_without_a_plan_only_the_summary_is_written(world: World) -> None:
    ref = ended_call(world)
    analyse(world, ref, ScriptedModel("They greeted."))
    assert found(world, ref) == ("They greeted.", None, None)


@pytest.mark.parametrize(
    ("plan", "count"), [({"min_messages_threshold": 3}, 2), (None, 1), ({"min_messages_threshold": 1}, 0)]
)
def test_a_short_conversation_is_left_alone(world: World, plan: dict[str, Any] | None, count: int) -> None:
    said = [Message("user", "Hello"), Message("assistant", "Good day")][:count]
    ref = ended_call(world, *said, Message("tool", "{}"), analysis_plan=plan)
    analyse(world, ref, AssertionError("no model is asked"))
    assert found(world, ref) == ("", None, None)


def test_an_answer_that_does_not_fit_is_repaired_once(world: World) -> None:
    ref = ended_call(world, analysis_plan=PLAN)
    model = ScriptedModel("s", '{"mood": "angry"}', '{"mood": "bad"}')
    analyse(world, ref, model)
    assert found(world, ref) == ("s", {"mood": "bad"}, None)
    assert [p.role for p in model.asked[2][-2:]] == ["assistant", "user"]
    assert "$.mood" in model.asked[2][-1].content


@pytest.mark.parametrize("second", ["still prose", '{"mood": 3}', "NaN", "[" * 5000, '{"mood": "\\ud800"}'])
def test_two_bad_answers_are_an_analysis_error_and_the_summary_stays(world: World, second: str) -> None:
    ref = ended_call(world, analysis_plan=PLAN)
    analyse(world, ref, ScriptedModel("s", "prose", second))
    assert found(world, ref) == ("s", None, "the model's answer does not match the schema")


def test_a_failing_summary_does_not_keep_the_data_from_being_tried(world: World) -> None:
    ref = ended_call(world, analysis_plan=PLAN)
    analyse(world, ref, ScriptedModel(CompletionError("openai", "answered 500", retryable=True), '{"mood": "good"}'))
    assert found(world, ref) == ("", {"mood": "good"}, "openai: answered 500")


def test_a_missing_key_is_said_once_and_the_report_goes(world: World) -> None:
    ref = ended_call(world, analysis_plan=PLAN)
    analyse(world, ref, CompletionError("openai", "no key is configured", retryable=False))
    assert found(world, ref) == ("", None, "openai: no key is configured")
    write_report(world.calls, ref)
    assert world.calls.rows.get(ref).reported


@pytest.mark.parametrize("schema", [{"$ref": "https://evil.example/schema"}, {"type": "alien"}])
def test_a_schema_that_points_outside_or_is_none_is_refused_without_fetching(schema: dict[str, Any]) -> None:
    with pytest.raises(AnalysisFailedError, match="schema"):
        extract(ScriptedModel("{}", "{}"), [Prompt("user", "?")], schema)


def test_the_customers_messages_are_filled_in_one_pass(world: World) -> None:
    plan = {
        "structured_data_plan": {
            "enabled": True,
            "schema": SCHEMA,
            "messages": [
                {"role": "system", "content": "Fill {{schema}}"},
                {"role": "user", "content": "It ended by {{ended_reason}}: {{transcript}}"},
            ],
        }
    }
    said = [Message("user", "what is {{schema}}?"), Message("assistant", "a word")]
    ref = ended_call(world, *said, analysis_plan=plan)
    model = ScriptedModel("s", '{"mood": "good"}')
    analyse(world, ref, model)
    assert [(p.role, p.content) for p in model.asked[1]] == [
        ("system", f"Fill {json.dumps(SCHEMA)}"),
        ("user", "It ended by user_hangup: user: what is {{schema}}?\nassistant: a word"),
    ]


def test_analysing_again_changes_nothing(world: World) -> None:
    ref = ended_call(world)
    analyse(world, ref, ScriptedModel("first"))
    analyse(world, ref, AssertionError("no model is asked"))
    assert found(world, ref)[0] == "first"


def test_a_private_calls_findings_are_not_in_the_row(world: World) -> None:
    ref = world.start_call(private=True, gdpr_mode=True)
    world.end_call(ref)
    analyse(world, ref, ScriptedModel("private words"))
    assert world.calls.content.load_whole(ref).summary == "private words"
    assert world.calls.reading.get(ref.org_id, ref.call_id).summary is None


def test_the_report_says_why_the_analysis_is_missing_unless_there_is_one(world: World) -> None:
    ref, other = ended_call(world), ended_call(world)
    write_report(world.calls, ref, failure="The analysis could not be completed.")
    assert found(world, ref) == ("", None, "The analysis could not be completed.")
    analyse(world, other, ScriptedModel("kept"))
    write_report(world.calls, other, failure="The analysis could not be completed.")
    assert found(world, other) == ("kept", None, None)


TEMPLATE = {
    "name": "Mood",
    "system_prompt": "You judge {transcript}.",
    "user_prompt": 'Like {"mood": "good"}: {summary} / {duration} / {caller_number} / {transcript} / {other}',
    "schema": SCHEMA,
}


def with_template(world: World, *messages: Message, template: Mapping[str, Any] = TEMPLATE, **plan: Any) -> CallRef:
    made = AnalysisTemplateStore(world.table).create(ORG, template)
    data = {"structured_data_plan": {"enabled": True, "template_id": made.id, **plan}}
    return ended_call(world, *messages, analysis_plan=data)


def test_a_template_is_filled_in_one_pass(world: World) -> None:
    ref = with_template(world, Message("user", "{summary}?"), Message("assistant", "a word"))
    model = ScriptedModel("They spoke.", '{"mood": "good"}')
    analyse(world, ref, model)
    assert found(world, ref) == ("They spoke.", {"mood": "good"}, None)
    instruction, schema, question = model.asked[1]
    assert (instruction.role, instruction.content) == ("system", "You judge {transcript}.")
    assert json.dumps(SCHEMA) in schema.content
    assert (question.role, question.content) == (
        "user",
        'Like {"mood": "good"}: They spoke. / 30 / +31612345678 / user: {summary}?\nassistant: a word / {other}',
    )
    assert model.schemas[1] == SCHEMA


def test_a_template_that_leaves_the_transcript_out_still_gets_it(world: World) -> None:
    ref = with_template(world, template={**TEMPLATE, "user_prompt": "How was it?"})
    model = ScriptedModel("s", '{"mood": "bad"}')
    analyse(world, ref, model)
    assert [p.content for p in model.asked[1][2:]] == [
        "How was it?",
        "Transcript:\nuser: Hello\nassistant: Good day",
    ]


def test_what_the_plan_says_itself_beats_its_template(world: World) -> None:
    own = {"type": "object", "properties": {"tone": {"type": "string"}}}
    ref = with_template(world, schema=own, messages=[{"role": "user", "content": "{{schema}} {{transcript}}"}])
    model = ScriptedModel("s", '{"tone": "calm"}')
    analyse(world, ref, model)
    assert found(world, ref)[1] == {"tone": "calm"}
    assert model.asked[1][0].content.startswith(json.dumps(own))


def test_a_template_that_is_gone_is_an_analysis_error_and_the_summary_stays(world: World) -> None:
    plan = {"structured_data_plan": {"enabled": True, "template_id": "99999999-9999-4999-8999-999999999999"}}
    ref = ended_call(world, analysis_plan=plan)
    analyse(world, ref, ScriptedModel("s"))
    assert found(world, ref) == ("s", None, "the analysis template does not exist any more")


def test_the_template_of_another_organization_is_none(world: World) -> None:
    foreign = AnalysisTemplateStore(world.table).create(OTHER_ORG, TEMPLATE)
    ref = ended_call(world, analysis_plan={"structured_data_plan": {"enabled": True, "template_id": foreign.id}})
    analyse(world, ref, ScriptedModel("s"))
    assert found(world, ref) == ("s", None, "the analysis template does not exist any more")
