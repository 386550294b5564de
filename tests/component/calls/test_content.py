"""Transcripts and summaries; what gdpr_mode keeps out of the rows; what retention erases."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign.calls import keys
from sovereign.calls.content import MESSAGES_BYTES, _parts
from sovereign.calls.items import from_json
from sovereign.calls.model import CallOutcome, CallRef, EndReason, Message
from sovereign.calls.reading import PAGE_BYTES
from sovereign.calls.store import CallFilters, CallStore
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.table import Item, Put, Table
from tests.component.calls.harness import CALLER, ORG, OWN, START, FakeClock, ReversibleCipher, new_call

TALK = [Message("assistant", "Hello"), Message("user", "My name is Johnson")]
HANGUP = CallOutcome(
    end_reason=EndReason.USER_HANGUP, transfer={"destination": "+31600000000", "outcome": "failed"}, cost=0.12
)


def everything(table: Table, ref: CallRef) -> list[Item]:
    own = list(table.query(keys.own_key(ref.org_id, ref.call_id)))
    return own + list(table.query(keys.rows_key(ref.org_id))) + list(table.query(f"ORG#{ORG}#USAGE"))


def test_batches_come_back_in_order_whatever_the_order_of_writing(calls: CallStore) -> None:
    call = calls.starts.create(new_call())
    calls.content.append_messages(call.ref, 10, [Message("user", "c")])
    calls.content.append_messages(call.ref, 2, [Message("user", "b")])
    calls.content.append_messages(call.ref, 0, [Message("assistant", "a"), Message("user", "\ud800 lone")])
    calls.content.append_messages(call.ref, 2, [Message("user", "b")])
    read = calls.reading.get(ORG, call.ref.call_id).messages
    assert read is not None
    assert [message.content for message in read] == ["a", "\ud800 lone", "b", "c"]


def test_large_batch_is_split_and_comes_back_whole(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call())
    spoken = [Message("user", str(n) * 40_000) for n in range(5)]
    calls.content.append_messages(call.ref, 0, spoken)
    assert calls.reading.get(ORG, call.ref.call_id).messages == spoken
    stored = [item for item in table.query(keys.rows_key(ORG)) if "messages" in item]
    assert len(stored) == 3
    assert all(len(item["messages"].encode()) <= MESSAGES_BYTES + 2 for item in stored)


@given(
    st.lists(
        st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(max_size=50).map(lambda t: t * 900)),
        max_size=8,
    )
)
def test_split_messages_lose_nothing_and_stay_small(messages: list[Message]) -> None:
    parts = list(_parts(messages))
    assert all(len(part.encode()) <= MESSAGES_BYTES + 2 for part in parts)
    again = [Message(*entry) for part in parts for entry in from_json(part)]
    assert "".join(message.content for message in again) == "".join(message.content for message in messages)


def test_summary_and_analysis_come_back_exactly(calls: CallStore) -> None:
    call = calls.starts.create(new_call(metadata={"crm": 1.0, "list": []}))
    result = {"booked": True, "score": 0.1, "none": None, "": [1, {"a": 10**25}]}
    calls.content.save_after_call(call.ref, summary="", analysis_result=result)
    read = calls.reading.get(ORG, call.ref.call_id)
    assert (read.summary, read.analysis_result, read.metadata) == ("", result, {"crm": 1.0, "list": []})
    calls.content.save_after_call(call.ref, summary="s", analysis_error="model failed")
    again = calls.content.load_whole(call.ref)
    assert (again.summary, again.analysis_result, again.analysis_error) == ("s", None, "model failed")


def gdpr_call(calls: CallStore) -> CallRef:
    call = calls.starts.create(new_call(private=True, ringing=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref)
    calls.content.append_messages(call.ref, 0, TALK)
    calls.lifecycle.finish(call.ref, HANGUP)
    calls.content.save_after_call(call.ref, summary="Johnson called", analysis_result={"name": "Johnson"})
    return call.ref


def test_gdpr_call_keeps_numbers_and_content_out_of_every_item(calls: CallStore, table: Table) -> None:
    ref = gdpr_call(calls)
    stored = repr(everything(table, ref))
    for secret in (CALLER, OWN, "Johnson", "Hello", "+31600000000"):
        assert secret not in stored
    shown = calls.reading.get(ORG, ref.call_id)
    assert (shown.caller_phone, shown.assistant_phone, shown.messages, shown.summary) == (None, None, None, None)
    assert shown.transfer == {"outcome": "failed"}


def test_gdpr_content_is_there_for_the_report_until_erased(calls: CallStore, table: Table) -> None:
    ref = gdpr_call(calls)
    whole = calls.content.load_whole(ref)
    assert (whole.caller_phone, whole.assistant_phone) == (CALLER, OWN)
    assert (whole.messages, whole.summary, whole.analysis_result) == (TALK, "Johnson called", {"name": "Johnson"})
    calls.private.erase(ref)
    calls.private.erase(ref)
    gone = calls.content.load_whole(ref)
    assert (gone.caller_phone, gone.messages, gone.summary, gone.analysis_result) == (None, None, None, None)
    assert list(table.query(keys.own_key(ORG, ref.call_id), begins_with="GDPR")) == []


def test_destination_of_a_gdpr_call_that_is_carried_on_is_kept_for_its_report(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(private=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref)
    transfer = {"destination": "+31600000000", "outcome": "succeeded"}
    assert calls.lifecycle.mark_transferred(call.ref, transfer)
    calls.lifecycle.finish(call.ref, CallOutcome(end_reason=EndReason.NODE_LOST))
    assert "+31600000000" not in repr(everything(table, call.ref))
    assert calls.rows.get(call.ref).transfer == {"outcome": "succeeded"}
    assert calls.content.load_whole(call.ref).transfer == transfer
    calls.private.erase(call.ref)
    assert calls.content.load_whole(call.ref).transfer == {"outcome": "succeeded"}


def test_gdpr_content_expires_by_itself(calls: CallStore, table: Table) -> None:
    ref = gdpr_call(calls)
    items = list(table.query(keys.own_key(ORG, ref.call_id), begins_with="GDPR"))
    assert {item["expires_at"] for item in items} == {int((START + timedelta(days=7)).timestamp())}


def test_another_process_keeps_gdpr_content_private_too(calls: CallStore, table: Table, clock: FakeClock) -> None:
    call = calls.starts.create(new_call(private=True))
    CallStore(table, clock, cipher=ReversibleCipher()).content.append_messages(call.ref, 0, TALK)
    assert "Johnson" not in repr(everything(table, call.ref))


def test_assistant_that_brings_gdpr_mode_takes_the_numbers_out_of_the_row(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(new_call(ringing=True), frozen_assistant={"a": 1}, node_id="n")
    assert calls.lifecycle.set_assistant(
        call.ref,
        {"a": 2},
        agent_id="agent-9",
        agent_name="Nine",
        business_name=None,
        metadata={"crm": 7, "secret": 1},
        private=True,
    )
    calls.content.append_messages(call.ref, 0, TALK)
    stored = repr(everything(table, call.ref))
    assert CALLER not in stored
    assert "Johnson" not in stored
    whole = calls.content.load_whole(call.ref)
    assert (whole.caller_phone, whole.messages, whole.agent_id, whole.agent_name) == (CALLER, TALK, "agent-9", "Nine")
    assert whole.metadata == {"crm": 7, "secret": "..."}
    assert calls.content.load_frozen_assistant(call.ref) == {"a": 2}


def test_assistant_of_an_ended_call_stays(calls: CallStore) -> None:
    call = calls.starts.create(new_call(ringing=True), frozen_assistant={"a": 1}, node_id="n")
    calls.lifecycle.finish(call.ref, HANGUP)
    names = {"agent_id": None, "agent_name": None, "business_name": None, "metadata": None}
    assert not calls.lifecycle.set_assistant(call.ref, {"a": 2}, **names, private=False)  # type: ignore[arg-type]
    assert calls.content.load_frozen_assistant(call.ref) == {"a": 1}


def test_erased_content_leaves_the_row_with_times_and_cost(calls: CallStore) -> None:
    call = calls.starts.create(new_call(ringing=True), node_id="n")
    calls.lifecycle.mark_answered(call.ref)
    calls.content.append_messages(call.ref, 0, TALK)
    calls.lifecycle.finish(call.ref, HANGUP)
    calls.content.save_after_call(call.ref, summary="s")
    for _ in range(2):
        calls.erasure.erase_content(call.ref)
    left = calls.reading.get(ORG, call.ref.call_id)
    assert (left.messages, left.summary, left.cost, left.caller_phone) == (None, None, 0.12, CALLER)


def test_erased_metadata_leaves_the_row_without_the_person(calls: CallStore, table: Table) -> None:
    call = calls.starts.create(
        new_call(ringing=True, metadata={"name": "Johnson"}), frozen_assistant={"x": 1}, node_id="n"
    )
    calls.lifecycle.finish(call.ref, HANGUP)
    for _ in range(2):
        calls.erasure.erase_metadata(call.ref)
    left = calls.reading.get(ORG, call.ref.call_id)
    assert (left.caller_phone, left.metadata, left.transfer, left.assistant_phone) == (None, None, None, OWN)
    assert list(table.query(keys.own_key(ORG, call.ref.call_id))) == []


@pytest.mark.parametrize(("after", "expected"), [(0, [1, 2, 3]), (2, [3]), (3, [])])
def test_refs_made_before_a_cutoff_go_on_where_they_stopped(
    calls: CallStore, clock: FakeClock, after: int, expected: list[int]
) -> None:
    for _ in range(5):
        calls.starts.create(new_call())
        clock.advance(days=1)
    cutoff = START + timedelta(days=2, hours=12)
    refs = calls.erasure.refs_made_before(ORG, cutoff, after_number=after)
    assert [ref.number for ref in refs] == expected


def test_page_counts_what_is_sent_not_what_older_rows_take_escaped(calls: CallStore, table: Table) -> None:
    text = "\u0436" * 14_000  # 28 KB in UTF-8, 84 KB escaped
    spoken = json.dumps([["user", text]])
    for _ in range(4):
        ref = calls.starts.create(new_call()).ref
        for batch in range(20):
            table.put(Put({**keys.message_ref(ref, batch)._asdict(), "messages": spoken}))
    assert 4 * 20 * len(spoken) > PAGE_BYTES > 4 * 20 * len(spoken) // 3
    page = calls.reading.page(ORG, offset=0, limit=4, filters=CallFilters())
    assert [len(call.messages or ()) for call in page.calls] == [20] * 4


def test_page_over_five_megabytes_names_the_limit_that_fits(calls: CallStore) -> None:
    long = [Message("user", "x" * 85_000)] * 20
    for _ in range(4):
        calls.content.append_messages(calls.starts.create(new_call()).ref, 0, long)
    assert 3 * 20 * 85_000 > PAGE_BYTES > 2 * 20 * 85_000
    with pytest.raises(InvalidRequestError) as refusal:
        calls.reading.page(ORG, offset=0, limit=4, filters=CallFilters())
    assert (refusal.value.machine_code, refusal.value.extra) == ("response_too_large", {"limit": 2})
    assert len(calls.reading.page(ORG, offset=0, limit=2, filters=CallFilters()).calls) == 2
