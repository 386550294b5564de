"""What another version stored: a newer one, with members that are not known, or an older one, with laxer rules."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from sovereign.assistants import Assistant, EffectiveAssistant, transient
from sovereign.assistants.effective import saved, with_override
from sovereign.assistants.sealed import Sealed
from sovereign.assistants.settings import AssistantMembers
from sovereign.catalog.problems import read_stored
from sovereign.kernel.clock import utc_now
from sovereign.workflows.definition import Definition
from tests.unit.workflows.definitions import reception

TOOLS = [
    {"type": "function", "name": "book", "description": "Books", "url": "https://example.com/book"},
    {
        "type": "transfer_call",
        "destinations": [{"type": "number", "number": "+31850835037", "description": "the desk"}],
    },
    {"type": "end_call"},
]
ASSISTANT = {
    "llm_config": {"provider": "openai", "model": "gpt-4.1", "tools": TOOLS, "messages": [
        {"role": "system", "content": "Be brief."}]},
    "stt_config": {"provider": "deepgram", "model": "nova-3", "language": "en"},
    "tts_config": {"provider": "local", "voice_id": "heart"},
    "speech_config": {
        "turn_taking": {"endpointing_min_delay": 0.5},
        "pronunciation": [{"from": "a", "to": "b"}],
        "background_audio": {"enabled": True},
    },
    "analysis_plan": {"structured_data_plan": {"schema": {"type": "object"}, "messages": [
        {"role": "user", "content": "{{transcript}}"}]}},
    "metadata": {"of": {"the": "customer"}},
    "recording_consent": {"enabled": True, "message": "Press 1"},
}  # fmt: skip
FREE = frozenset({"metadata", "schema", "parameters", "ui", "arguments"})
"""Members whose own members are anybody's."""
NEWER = {"of_a_newer_version": {"enabled": True}}


class _Plain:
    def encrypt(self, text: str, *, org_id: str, resource: str) -> str:
        return text

    def decrypt(self, token: str, *, org_id: str, resource: str) -> str:
        return token


PLAIN: Any = _Plain()


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a document that a version's own rules are for."""
    if isinstance(value, dict):
        yield value
        for name, member in value.items():
            if name not in FREE:
                yield from objects(member)
    elif isinstance(value, list):
        for element in value:
            yield from objects(element)


def of_a_newer_version(document: Any) -> Any:
    """With a member more in every object."""
    changed = deepcopy(document)
    for found in list(objects(changed)):
        found.update(NEWER)
    return changed


def test_frozen_assistant_of_a_newer_version_is_the_one_this_version_knows() -> None:
    chosen = transient(
        {name: member for name, member in ASSISTANT.items() if name != "recording_consent"},
        base=EffectiveAssistant(settings=read_stored(AssistantMembers, ASSISTANT)),
    )
    frozen = chosen.freeze(PLAIN, org_id="o", call_id="c")
    echoed = frozen["document"].pop("echoed")
    newer = {**frozen, "document": {**of_a_newer_version(frozen["document"]), "echoed": echoed}, **NEWER}
    assert newer["document"]["llm_config"]["tools"][1]["destinations"][0].items() >= NEWER.items()
    assert EffectiveAssistant.thaw(newer, PLAIN, org_id="o", call_id="c") == chosen


def test_workflow_of_a_newer_version_is_the_one_this_version_knows() -> None:
    known = read_stored(Definition, reception())
    assert read_stored(Definition, of_a_newer_version(known.stored())) == known


def test_what_is_wrong_besides_is_refused_with_what_was_stored_untouched() -> None:
    document = of_a_newer_version(ASSISTANT)
    document["speech_config"]["turn_taking"]["endpointing_min_delay"] = -1
    before = deepcopy(document)
    with pytest.raises(ValidationError) as failed:
        read_stored(AssistantMembers, document)
    assert [error["loc"] for error in failed.value.errors()] == [
        ("speech_config", "turn_taking", "endpointing_min_delay")
    ]
    assert document == before


ADDRESSES = {
    "notification_email": "The desk <desk@example.com>",
    "notification_emails": [" a@example.com", "B <b@example.com>", "b@example.com"],
}


def test_addresses_an_older_version_took_with_a_name_cost_no_call() -> None:
    document = {"name": "Desk", **AssistantMembers().model_dump(mode="json"), **ASSISTANT, **ADDRESSES}
    chosen = saved(Assistant("a", "o", Sealed(document), 1, utc_now(), utc_now()), document)
    changed = with_override(chosen, {"first_message": "Hi"})
    assert changed.settings.notification_email == "desk@example.com"
    assert changed.settings.notification_emails == ["a@example.com", "b@example.com"]

    frozen = chosen.freeze(PLAIN, org_id="o", call_id="c")
    older = {**frozen, "document": {**frozen["document"], **ADDRESSES}}
    assert EffectiveAssistant.thaw(older, PLAIN, org_id="o", call_id="c") == chosen
    assert frozen["document"]["notification_email"] == "desk@example.com"


@pytest.mark.parametrize("address", ["The desk <desk@example.com>", " desk@example.com", "desk <"])
def test_address_with_a_name_is_not_taken_from_a_request(address: str) -> None:
    with pytest.raises(ValidationError):
        AssistantMembers.model_validate({"notification_email": address})
